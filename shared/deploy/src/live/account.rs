//! Where a deployment goes: an account and a region, and the clients that speak to them.

use tidemill_aws::{Clients, advised};

use crate::Problem;

/// An account and a region, with clients.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account's number.
    pub number: String,
    /// The region.
    pub region: String,
    /// Who speaks: an ARN.
    pub caller: String,
    /// Whether the endpoint is one of one's own that speaks plain HTTP.
    pub plain_http: bool,
    pub(crate) cloudformation: aws_sdk_cloudformation::Client,
    pub(crate) kinesis: aws_sdk_kinesis::Client,
    pub(crate) s3: aws_sdk_s3::Client,
}

impl Account {
    /// The account that the clients' credentials belong to.
    pub async fn find(clients: &Clients) -> Result<Self, Problem> {
        let region = clients.config.region().map(ToString::to_string).ok_or_else(|| {
            Problem::new(
                "no region is set",
                "set AWS_REGION, or a region in the profile that AWS_PROFILE names",
            )
        })?;
        let sts = aws_sdk_sts::Client::new(&clients.config);
        let caller = sts.get_caller_identity().send().await;
        let caller = caller.map_err(|error| problem("sts:GetCallerIdentity", "the account", &error))?;
        Ok(Self {
            number: caller.account().unwrap_or_default().to_owned(),
            region,
            caller: caller.arn().unwrap_or_default().to_owned(),
            plain_http: endpoint(clients).starts_with("http://"),
            cloudformation: aws_sdk_cloudformation::Client::new(&clients.config),
            kinesis: clients.kinesis(),
            s3: clients.s3.clone(),
        })
    }

    /// A name in a template with what is filled in here.
    pub(crate) fn filled(&self, text: &str) -> String {
        text.replace("${AWS::AccountId}", &self.number).replace("${AWS::Region}", &self.region)
    }
}

/// The endpoint that is set for all services, if one is.
fn endpoint(clients: &Clients) -> String {
    let set = clients.config.endpoint_url().map(str::to_owned);
    set.or_else(|| std::env::var("AWS_ENDPOINT_URL").ok()).unwrap_or_default()
}

/// An answer of AWS as a problem: it names the action, and where.
pub fn problem<E>(
    action: &str,
    place: &str,
    error: &aws_sdk_s3::error::SdkError<E, aws_sdk_s3::config::http::HttpResponse>,
) -> Problem
where
    E: aws_sdk_s3::error::ProvideErrorMetadata + std::error::Error + 'static,
{
    let (message, hint) = advised(action, place, error);
    Problem::new(message, hint)
}
