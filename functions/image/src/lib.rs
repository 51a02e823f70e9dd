//! tidemill-image
