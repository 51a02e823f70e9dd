//! tmp
use serde_json::Value;
use tidemill_aws::Clients;
use tidemill_core::deployment::{Place, StageFile, StageSource};
pub(crate) struct Door;
impl Door {
    pub(crate) async fn open(_: &StageSource, _: &StageFile, _: &Place, _: &Clients) -> Result<Self, String> {
        Ok(Self)
    }
    pub(crate) async fn answer(&self, _: &str) -> Value {
        Value::Null
    }
}
