//! HTTP sources: a function behind a URL of its own.

use serde_json::{Value, json};
use tidemill_core::deployment::{Auth, Task};
use tidemill_core::plan::Input;
use tidemill_pipeline::Source;

use super::functions::{self, Function};
use super::scope::{Placed, Scope};
use super::sheet::Sheet;
use super::{logical, roles};
use crate::names::Names;
use crate::stage_file::upload;

/// What every HTTP source of the plan needs; the code is that of its first consumer.
pub(crate) fn add(scope: &Scope<'_>, stages: &[Placed<'_>], sheet: &mut Sheet) {
    for source in &scope.plan.sources {
        let Source::Http { auth, upload: to } = &source.source else { continue };
        let name = source.name.as_str();
        let input = Input::Source(name.to_owned());
        let Some(code) = stages.iter().find(|placed| placed.stage.plan.inputs.contains(&input)) else {
            continue;
        };
        let id = format!("{}Http", logical::id(name));
        let owner = format!("source `{name}`");
        let to = to.as_deref();
        let secret = match auth {
            Auth::Hmac { secret } => Some(secret.as_str()),
            Auth::Iam => None,
        };
        let bucket = to.and_then(|source| upload(scope.plan, source)).map(|upload| upload.bucket);
        let of = Names::http(name);
        let function = Function {
            of: &of,
            id: &id,
            code,
            task: Task::Http,
            source: Some(name),
            about: format!("Requests of source {name} of {}", scope.names.pipeline()),
        };
        let place = functions::http_place(scope, name, secret, bucket.as_deref());
        let grants = roles::http(scope, name, auth, to);
        sheet.resource(&owner, &format!("{id}Role"), roles::role(scope, &of, grants));
        functions::add(scope, &function, &place, sheet);
        url(sheet, &owner, &id, name, auth);
    }
}

/// The URL, and who may call it: since October 2025 a caller needs both actions (Lambda Developer Guide, "Control
/// access to Lambda function URLs").
fn url(sheet: &mut Sheet, owner: &str, id: &str, name: &str, auth: &Auth) {
    let function = json!({ "Ref": format!("{id}Function") });
    let (kind, principal) = match auth {
        Auth::Iam => ("AWS_IAM", json!({ "Ref": "AWS::AccountId" })),
        // Anyone may call; the function takes nothing without a signature under the shared secret.
        Auth::Hmac { .. } => ("NONE", json!("*")),
    };
    let resource = |kind: &str, properties: Value| json!({ "Type": kind, "Properties": properties });
    let mut add = |suffix: &str, resource: Value| sheet.resource(owner, &format!("{id}{suffix}"), resource);
    add("Url", resource("AWS::Lambda::Url", json!({ "TargetFunctionArn": function, "AuthType": kind })));
    add(
        "UrlPermission",
        resource(
            "AWS::Lambda::Permission",
            json!({
                "Action": "lambda:InvokeFunctionUrl",
                "FunctionName": function,
                "FunctionUrlAuthType": kind,
                "Principal": principal,
            }),
        ),
    );
    add(
        "InvokePermission",
        resource(
            "AWS::Lambda::Permission",
            json!({
                "Action": "lambda:InvokeFunction",
                "FunctionName": function,
                "InvokedViaFunctionUrl": true,
                "Principal": principal,
            }),
        ),
    );
    let about = format!("Where requests of source {name} go");
    sheet.output(&format!("{id}Url"), &about, &json!({ "Fn::GetAtt": [format!("{id}Url"), "FunctionUrl"] }));
}
