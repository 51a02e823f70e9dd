//! Secrets, by name.

use crate::clients::Clients;
use crate::fault::store_error;
use tidemill_core::ports::StoreError;

/// The text of the secret `name` in Secrets Manager. It is never logged.
pub async fn secret(clients: &Clients, name: &str) -> Result<Vec<u8>, StoreError> {
    let client = aws_sdk_secretsmanager::Client::new(&clients.config);
    let found = client.get_secret_value().secret_id(name).send().await;
    let found = found.map_err(|error| store_error("secretsmanager:GetSecretValue", name, &error))?;
    match (found.secret_string(), found.secret_binary()) {
        (Some(text), _) => Ok(text.as_bytes().to_vec()),
        (None, Some(bytes)) => Ok(bytes.as_ref().to_vec()),
        (None, None) => Err(StoreError::Unavailable(format!("the secret `{name}` has no value"))),
    }
}
