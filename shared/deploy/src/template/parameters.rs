//! What a deployment fills in: where the code is, and how often recipes changed.

use serde_json::json;

use super::scope::Placed;
use super::sheet::Sheet;

/// The bucket that holds the zips.
pub(crate) const ARTIFACT_BUCKET: &str = "ArtifactBucket";

/// The parameter with the key of a stage's zip.
pub(crate) fn code(id: &str) -> String {
    format!("{id}Code")
}

/// The parameter with a stage's revision.
pub(crate) fn revision(id: &str) -> String {
    format!("{id}Revision")
}

/// The parameter of the compute stack that holds the revision of the stage with a name.
pub fn revision_parameter(stage: &str) -> String {
    revision(&super::logical::id(stage))
}

/// The parameter with the digest of a stage's recipe and of those above it: how the next deployment sees what this
/// one deployed. It ends as a tag of the stage's queue.
pub(crate) fn recipe(id: &str) -> String {
    format!("{id}Recipe")
}

/// The bucket of the zips.
pub(crate) fn add_bucket(sheet: &mut Sheet) {
    sheet.parameter(
        "the template",
        ARTIFACT_BUCKET,
        json!({ "Type": "String", "Description": "The bucket that holds the zips" }),
    );
}

/// The parameters of a stage.
pub(crate) fn add(placed: &Placed<'_>, sheet: &mut Sheet) {
    let name = placed.name();
    let parameters = [
        (code(&placed.id), json!({ "Type": "String", "Description": format!("The key of {name}'s zip") })),
        (
            revision(&placed.id),
            json!({
                "Type": "Number",
                "MinValue": 0,
                "Default": 0,
                "Description": format!("How often the recipe of {name}, or of a stage above it, has changed"),
            }),
        ),
        (
            recipe(&placed.id),
            json!({
                "Type": "String",
                "Default": "",
                "Description": format!("The digest of the recipe of {name} and of those above it"),
            }),
        ),
    ];
    for (id, parameter) in parameters {
        sheet.parameter(&placed.owner, &id, parameter);
    }
}
