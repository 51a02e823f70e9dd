//! tidemill-pattern
