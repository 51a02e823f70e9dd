//! tidemill-core
