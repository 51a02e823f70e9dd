//! tidemill-embedded
