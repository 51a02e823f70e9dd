//! tidemill-pipeline
