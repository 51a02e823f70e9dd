//! What AWS would refuse half-way through a deployment, refused before anything is sent.

use std::collections::BTreeMap;

use serde_json::Value;
use tidemill_core::plan::Input;
use tidemill_pipeline::{Plan, Source};

use crate::Problem;
use crate::names::{LONGEST_ACCOUNT, LONGEST_REGION, Name, Names, STATE};
use crate::template::{Templates, text_of};

/// CloudFormation User Guide, "Understand CloudFormation quotas".
const RESOURCES: usize = 500;
const PARAMETERS: usize = 200;
const OUTPUTS: usize = 200;
const TEMPLATE: usize = 1_000_000;

/// IAM User Guide, "IAM and AWS STS quotas": characters without white space.
const ROLE_POLICIES: usize = 10_240;
const MANAGED_POLICY: usize = 6_144;

/// Lambda Developer Guide, "Lambda quotas".
const ENVIRONMENT: usize = 4_096;

/// What S3 keeps for itself at the beginning of a bucket's name (S3 User Guide, "General purpose bucket naming
/// rules"); and `url-`, which some endpoints take for the name of a function's URL.
const RESERVED: [&str; 4] = ["xn--", "sthree-", "amzn-s3-demo-", "url-"];

/// What a plan shows before templates are made of it.
pub(crate) fn before(plan: &Plan, names: &Names) -> Vec<Problem> {
    let mut problems = Vec::new();
    own_names(names, &mut problems);
    if plan.buckets().contains(STATE) {
        problems.push(Problem::new(
            format!("bucket `{STATE}` has the name that is kept for the pipeline's own documents"),
            "give it another name",
        ));
    }
    for source in &plan.sources {
        if let Source::S3 { prefix, .. } = &source.source {
            prefix_fits(&format!("the prefix of source `{}`", source.name), prefix, &mut problems);
        }
    }
    for stage in &plan.stages {
        if let Some(output) = &stage.plan.output {
            let what = format!("the output key of stage `{}`", stage.plan.name);
            prefix_fits(&what, &output.key.prefix(), &mut problems);
        }
    }
    apart(plan, names, &mut problems);
    problems
}

fn own_names(names: &Names, problems: &mut Vec<Problem>) {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let environment = names.environment();
    let fits = (1..=40).contains(&environment.len())
        && environment.chars().all(|c| edge(c) || c == '-')
        && environment.starts_with(edge)
        && environment.ends_with(edge);
    if !fits {
        problems.push(Problem::new(
            format!("environment `{environment}` cannot be part of a bucket's name"),
            "an environment on AWS has 1 to 40 of the characters `a` to `z`, `0` to `9` and `-`, and begins and ends \
             with a letter or a digit",
        ));
    }
    let front = format!("{}-", names.pipeline());
    if let Some(reserved) = RESERVED.into_iter().find(|reserved| front.starts_with(reserved)) {
        problems.push(Problem::new(
            format!(
                "pipeline `{}` begins with `{reserved}`, which is kept for other uses on AWS",
                names.pipeline()
            ),
            "give it another name",
        ));
    }
}

/// IAM's policies are written in these characters, and know `*`, `?` and `${` as something else.
fn prefix_fits(what: &str, prefix: &str, problems: &mut Vec<Problem>) {
    let odd = prefix.chars().find(|c| !('\u{20}'..='\u{ff}').contains(c) || matches!(c, '*' | '?'));
    let odd = odd.map(|c| c.to_string()).or_else(|| prefix.contains("${").then(|| "${".to_owned()));
    if let Some(odd) = odd {
        problems.push(Problem::new(
            format!("{what} holds `{}`, which an IAM policy cannot express", odd.escape_debug()),
            "use another prefix, or a shorter one that ends before it",
        ));
    }
}

/// Two things that would share a name on AWS, such as a stage `a-dead` beside a stage `a`.
fn apart(plan: &Plan, names: &Names, problems: &mut Vec<Problem>) {
    let mut taken: BTreeMap<(&str, String), String> = BTreeMap::new();
    let mut take = |kind: &'static str, name: Name, owner: String| {
        let name = name.plain(LONGEST_ACCOUNT, LONGEST_REGION);
        if let Some(first) = taken.insert((kind, name.clone()), owner.clone()) {
            problems.push(Problem::new(
                format!("{first} and {owner} would share the {kind} `{name}`"),
                "give one of them another name",
            ));
        }
    };
    let made = plan.buckets().into_iter().filter(|bucket| *bucket != STATE);
    for bucket in made {
        take("bucket", names.bucket(&plan.aws, bucket), format!("bucket `{bucket}`"));
    }
    take("bucket", names.state(), "the state bucket".to_owned());
    for stream in plan.streams() {
        take("stream", names.stream(&plan.aws, stream), format!("stream `{stream}`"));
    }
    for stage in &plan.stages {
        let name = &stage.plan.name;
        let drain = Names::drain(name);
        take("queue", names.queue(name), format!("stage `{name}`"));
        take("queue", names.dead_queue(name), format!("the dead letters of stage `{name}`"));
        take("function", names.function(name), format!("stage `{name}`"));
        take("function", names.function(&drain), format!("the drain of stage `{name}`"));
    }
    for source in &plan.sources {
        let served = plan.consumers(&Input::Source(source.name.clone())).next().is_some();
        if served && matches!(source.source, Source::Http { .. }) {
            take("function", names.function(&Names::http(&source.name)), format!("source `{}`", source.name));
        }
    }
}

/// What templates show.
pub(crate) fn after(templates: &Templates) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, template) in [("data", &templates.data), ("compute", &templates.compute)] {
        for (section, most) in [("Resources", RESOURCES), ("Parameters", PARAMETERS), ("Outputs", OUTPUTS)] {
            let count = template[section].as_object().map_or(0, serde_json::Map::len);
            if count > most {
                problems.push(Problem::new(
                    format!(
                        "the {name} stack would have {count} {}, and CloudFormation takes {most}",
                        section.to_lowercase()
                    ),
                    "divide the pipeline: stages that no other stage listens to can go into one of their own",
                ));
            }
        }
        let size = Templates::text(template).len();
        if size > TEMPLATE {
            problems.push(Problem::new(
                format!("the {name} template has {size} bytes, and CloudFormation takes {TEMPLATE}"),
                "divide the pipeline, or give `resources` a stack of their own",
            ));
        }
    }
    for (id, resource) in templates.compute["Resources"].as_object().into_iter().flatten() {
        let properties = &resource["Properties"];
        match resource["Type"].as_str() {
            Some("AWS::IAM::Role") => {
                policy_fits(
                    id,
                    &properties["RoleName"],
                    &properties["Policies"],
                    ROLE_POLICIES,
                    &mut problems,
                );
            }
            Some("AWS::IAM::ManagedPolicy") => policy_fits(
                id,
                &properties["ManagedPolicyName"],
                &properties["PolicyDocument"],
                MANAGED_POLICY,
                &mut problems,
            ),
            Some("AWS::Lambda::Function") => environment_fits(id, properties, &mut problems),
            _ => {}
        }
    }
    problems
}

fn policy_fits(id: &str, name: &Value, policy: &Value, most: usize, problems: &mut Vec<Problem>) {
    let size = measured(&policy.to_string().replace(char::is_whitespace, ""));
    if size > most {
        problems.push(Problem::new(
            format!(
                "the policy of `{}` ({id}) has {size} characters, and IAM takes {most}",
                text_of(name).unwrap_or_default()
            ),
            "let fewer stages listen to it, or have it read from fewer sources",
        ));
    }
}

fn environment_fits(id: &str, properties: &Value, problems: &mut Vec<Problem>) {
    let variables = properties["Environment"]["Variables"].as_object().into_iter().flatten();
    let size: usize = variables.map(|(key, value)| key.len() + text_of(value).map_or(0, measured)).sum();
    if size > ENVIRONMENT {
        problems.push(Problem::new(
            format!(
                "the environment of function `{}` ({id}) has {size} bytes, and Lambda takes {ENVIRONMENT}",
                text_of(&properties["FunctionName"]).unwrap_or_default()
            ),
            "let fewer stages listen to it, or give buckets and stages shorter names",
        ));
    }
}

/// The length of a text of `Fn::Sub` with the longest values filled in.
fn measured(text: &str) -> usize {
    let mut size = text.len();
    for (at, _) in text.match_indices("${") {
        let Some(end) = text[at..].find('}') else { continue };
        let name = &text[at + 2..at + end];
        let filled = match name {
            "AWS::AccountId" => LONGEST_ACCOUNT.len(),
            "AWS::Region" => LONGEST_REGION.len(),
            "AWS::Partition" => "aws-us-gov".len(),
            // `https://sqs.REGION.amazonaws.com.cn/ACCOUNT/` and the longest name.
            _ if name.ends_with("Queue") => 150,
            _ => 10,
        };
        size = size - (end + 1) + filled;
    }
    size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_that_iam_cannot_express() {
        let odd = |prefix: &str| {
            let mut problems = Vec::new();
            prefix_fits("it", prefix, &mut problems);
            !problems.is_empty()
        };
        assert!(!odd("") && !odd("incoming/ä b/$x{") && !odd("a+b%20"));
        assert!(odd("a*") && odd("a?b") && odd("${x}") && odd("日本/") && odd("a\tb"));
    }

    #[test]
    fn measures_what_is_filled_in() {
        assert_eq!(measured("a-${AWS::AccountId}-${AWS::Region}"), 2 + 12 + 1 + 14);
        assert_eq!(measured("plain"), 5);
        assert_eq!(measured("${"), 2);
    }
}
