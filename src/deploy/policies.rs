//! Policies of the resources that a project has, as AWS takes them.
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions> (what a mapping needs of the
//! role), `lambda-intro-execution-role.html` (logs, X-Ray), `images-create.html#gettingstarted-images-permissions` (what Lambda needs
//! of a repository).

use serde_json::{Value, json};

use super::Place;

/// From so many log groups on, the policy of the role names their common beginning: IAM takes 10,240 characters.
const LISTED_LOG_GROUPS: usize = 40;

/// So many images that have no tag any more stay. By number and not by age: one whose successor could not be deployed is still needed, however
/// old it is.
const UNTAGGED: u32 = 50;

/// Who may be the role.
pub(super) fn trust() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" }],
    })
}

/// What the functions may: write their logs and traces and to the data bucket, and take from the queue.
pub(super) fn role(place: &Place, functions: &[&str], data: &str, queue: &str, tracing: bool) -> Value {
    let mut statements = vec![
        json!({
            "Sid": "Logs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": log_groups(place, functions),
        }),
        json!({
            "Sid": "Data",
            "Effect": "Allow",
            "Action": "s3:PutObject",
            "Resource": format!("{}/*", place.bucket(data)),
        }),
        json!({
            "Sid": "Queue",
            "Effect": "Allow",
            "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"],
            "Resource": queue,
        }),
    ];
    if tracing {
        statements.push(json!({
            "Sid": "Traces",
            "Effect": "Allow",
            "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
            "Resource": "*",
        }));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn log_groups(place: &Place, functions: &[&str]) -> Vec<String> {
    let arn = |name: &str| place.arn("logs", &format!("log-group:/aws/lambda/{name}:*"));
    let beginning = common_beginning(functions);
    // Without one, `*` would be the log groups of the whole account.
    if functions.len() <= LISTED_LOG_GROUPS || beginning.is_empty() {
        return functions.iter().map(|name| arn(name)).collect();
    }
    vec![arn(&format!("{beginning}*"))]
}

/// What all names begin with.
pub(super) fn common_beginning<'a>(names: &[&'a str]) -> &'a str {
    let Some((first, others)) = names.split_first() else { return "" };
    let same = |other: &&str| first.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    &first[..others.iter().map(same).min().unwrap_or(first.len())]
}

/// A bucket that takes nothing without TLS.
pub(super) fn tls_only(place: &Place, bucket: &str) -> Value {
    let arn = place.bucket(bucket);
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, format!("{arn}/*")],
            "Condition": { "Bool": { "aws:SecureTransport": "false" } },
        }],
    })
}

/// Lambda may take images out of the repository, for functions of this account and Region.
pub(super) fn repository(place: &Place) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "Lambda",
            "Effect": "Allow",
            "Principal": { "Service": "lambda.amazonaws.com" },
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Condition": { "StringLike": { "aws:sourceArn": place.arn("lambda", "function:*") } },
        }],
    })
}

/// Old images without a tag go.
pub(super) fn lifecycle() -> Value {
    json!({
        "rules": [{
            "rulePriority": 1,
            "description": "pack: images that a newer one took the tag of",
            "selection": {
                "tagStatus": "untagged",
                "countType": "imageCountMoreThan",
                "countNumber": UNTAGGED,
            },
            "action": { "type": "expire" },
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_log_groups_are_named_by_what_they_begin_with() {
        let place =
            Place { partition: "aws".into(), account: "1".repeat(12), region: "eu-west-1".into(), has_tls: true };
        let names: Vec<String> = (0..50).map(|number| format!("perf-zip-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(
            log_groups(&place, &names),
            ["arn:aws:logs:eu-west-1:111111111111:log-group:/aws/lambda/perf-zip-*:*"]
        );
        assert_eq!(log_groups(&place, &names[..2]).len(), 2);
        // Never those of the whole account.
        let others = [names.as_slice(), &["other"]].concat();
        assert_eq!(log_groups(&place, &others).len(), 51);
        assert_eq!(common_beginning(&[]), "");
    }
}
