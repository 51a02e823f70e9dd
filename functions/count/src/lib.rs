//! tidemill-count
