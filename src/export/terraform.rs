//! The desired state for Terraform: one file in its JSON syntax, whose strings are templates.
//!
//! What one resource needs of another is an expression that names it, so that Terraform knows the order. Artifacts are files of this machine: a
//! precondition says so when one is no longer the one that was exported. Sources: <https://developer.hashicorp.com/terraform/language/syntax/json>,
//! <https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs>.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{ACCOUNT, base64, dashboard, description, refuse_unbuilt, text};
use crate::deploy::{
    Artifact, BucketState, Code, Desired, Function, Layer, LayerRef, QueueState, Repository, Role, RoleState,
    object_key,
};
use crate::error::Result;

/// The first version of the provider that knows `python3.13`.
const PROVIDER: &str = ">= 5.77";

/// A `main.tf.json`. `source` says where an artifact lies, seen from the file's folder.
pub fn configuration(desired: &Desired, source: &dyn Fn(&Path) -> String) -> Result<String> {
    refuse_unbuilt(desired)?;
    let mut file = File { desired, resources: BTreeMap::new(), locals: Map::new() };
    file.buckets();
    file.queues();
    file.role();
    file.repository();
    file.objects(source);
    for layer in &desired.layers {
        file.layer(layer);
    }
    for function in &desired.functions {
        file.function(function);
    }
    file.add(
        "aws_cloudwatch_dashboard",
        "dashboard",
        json!({ "dashboard_name": literal(&desired.names.dashboard), "dashboard_body": literal(&dashboard(desired)) }),
    );
    Ok(text(&json!({
        "//": format!("{}. Written by `pack export terraform`, which writes it anew.", literal(&description(&desired.project))),
        "terraform": {
            "required_version": ">= 1.2",
            "required_providers": { "aws": { "source": "hashicorp/aws", "version": PROVIDER } },
        },
        "provider": { "aws": { "region": desired.place.region } },
        "data": { "aws_caller_identity": { "current": {} } },
        "locals": { "artifacts": file.locals },
        "resource": file.resources,
        "output": {
            "queue_url": { "value": "${aws_sqs_queue.queue.url}" },
            "data_bucket": { "value": "${aws_s3_bucket.data.bucket}" },
        },
    })))
}

struct File<'a> {
    desired: &'a Desired,
    resources: BTreeMap<&'static str, Map<String, Value>>,
    /// Where artifacts lie, by their digests.
    locals: Map<String, Value>,
}

impl File<'_> {
    fn add(&mut self, kind: &'static str, label: &str, resource: Value) {
        self.resources.entry(kind).or_default().insert(label.to_owned(), resource);
    }

    fn buckets(&mut self) {
        let names = &self.desired.names;
        for (label, name, state) in
            [("artifacts", &names.artifacts, &self.desired.artifacts), ("data", &names.data, &self.desired.data)]
        {
            self.bucket(label, name, state);
        }
    }

    fn bucket(&mut self, label: &str, name: &str, state: &BucketState) {
        let bucket = format!("${{aws_s3_bucket.{label}.id}}");
        self.add("aws_s3_bucket", label, json!({ "bucket": literal(name) }));
        let status = if state.versioning { "Enabled" } else { "Suspended" };
        self.add(
            "aws_s3_bucket_versioning",
            label,
            json!({ "bucket": bucket, "versioning_configuration": [{ "status": status }] }),
        );
        let default = json!([{ "sse_algorithm": state.encryption }]);
        self.add(
            "aws_s3_bucket_server_side_encryption_configuration",
            label,
            json!({ "bucket": bucket, "rule": [{ "apply_server_side_encryption_by_default": default }] }),
        );
        let blocks = state.blocks_public_access;
        self.add(
            "aws_s3_bucket_public_access_block",
            label,
            json!({
                "bucket": bucket,
                "block_public_acls": blocks,
                "block_public_policy": blocks,
                "ignore_public_acls": blocks,
                "restrict_public_buckets": blocks,
            }),
        );
        self.add(
            "aws_s3_bucket_policy",
            label,
            json!({
                "bucket": bucket,
                "policy": document(&state.policy),
                // S3 takes one change of a bucket at a time.
                "depends_on": [format!("aws_s3_bucket_public_access_block.{label}")],
            }),
        );
    }

    fn queues(&mut self) {
        let names = &self.desired.names;
        for (label, name, state) in [
            ("dead_letters", &names.dead_letters, &self.desired.dead_letters),
            ("queue", &names.queue, &self.desired.queue),
        ] {
            self.add("aws_sqs_queue", label, queue(name, state));
        }
    }

    fn role(&mut self) {
        let Role::Own(state) = &self.desired.role else { return };
        self.add(
            "aws_iam_role",
            "functions",
            json!({ "name": literal(&self.desired.names.role), "assume_role_policy": document(&state.trust) }),
        );
        self.add(
            "aws_iam_role_policy",
            "functions",
            json!({ "name": RoleState::POLICY, "role": "${aws_iam_role.functions.id}", "policy": document(&state.policy) }),
        );
    }

    fn repository(&mut self) {
        let Some(Repository::Own(state)) = &self.desired.repository else { return };
        let repository = "${aws_ecr_repository.images.name}";
        self.add("aws_ecr_repository", "images", json!({ "name": literal(&self.desired.names.repository) }));
        self.add(
            "aws_ecr_repository_policy",
            "images",
            json!({ "repository": repository, "policy": document(&state.policy) }),
        );
        self.add(
            "aws_ecr_lifecycle_policy",
            "images",
            json!({ "repository": repository, "policy": document(&state.lifecycle) }),
        );
    }

    /// Each ZIP once, whoever has it, under a label of its own: the new one is there before the old one goes.
    fn objects(&mut self, source: &dyn Fn(&Path) -> String) {
        let layers = self.desired.layers.iter().filter_map(|layer| layer.artifact.as_ref());
        let functions = self.desired.functions.iter().filter(|function| matches!(function.code, Code::Zip { .. }));
        let functions = functions.filter_map(|function| function.code.artifact());
        for artifact in layers.chain(functions) {
            let Artifact { path, sha256, .. } = artifact;
            let place = format!("${{path.module}}/{}", literal(&source(path)));
            self.locals.insert(sha256.clone(), Value::String(place));
            let file = format!("local.artifacts[\"{sha256}\"]");
            self.add(
                "aws_s3_object",
                &object_label(sha256),
                json!({
                    "bucket": "${aws_s3_bucket.artifacts.bucket}",
                    "key": object_key(sha256),
                    "source": format!("${{{file}}}"),
                    "source_hash": sha256,
                    "depends_on": ["aws_s3_bucket_versioning.artifacts", "aws_s3_bucket_policy.artifacts"],
                    "lifecycle": [{
                        "precondition": [{
                            "condition": format!("${{filesha256({file}) == \"{sha256}\"}}"),
                            "error_message": format!(
                                "{} is no longer what was exported: run pack export terraform again.",
                                literal(&path.display().to_string())
                            ),
                        }],
                    }],
                }),
            );
        }
    }

    fn layer(&mut self, layer: &Layer) {
        let Some(artifact) = &layer.artifact else { return };
        let state = layer.state();
        let mut resource = json!({
            "layer_name": layer.name,
            "description": literal(&description(&self.desired.project)),
            "compatible_runtimes": state.runtimes,
            "compatible_architectures": state.architectures,
            // Functions go on to the new version before the old one goes.
            "lifecycle": [{ "create_before_destroy": true }],
        });
        put(&mut resource, zip(artifact));
        self.add("aws_lambda_layer_version", &label(&layer.name), resource);
    }

    fn function(&mut self, function: &Function) {
        let Function { name, state, .. } = function;
        let label = label(name);
        let mut needs = vec![format!("aws_cloudwatch_log_group.{label}")];
        let role = match &self.desired.role {
            Role::Own(_) => {
                needs.push("aws_iam_role_policy.functions".into());
                "${aws_iam_role.functions.arn}".into()
            }
            Role::Given(arn) => literal(arn),
        };
        let layers = function.layers.iter().map(|layer| match layer {
            LayerRef::Own(name) => format!("${{aws_lambda_layer_version.{}.arn}}", self::label(name)),
            LayerRef::Published(arn) => literal(arn),
        });
        let mut resource = json!({
            "function_name": name,
            "description": literal(&description(&self.desired.project)),
            "role": role,
            "package_type": state.package,
            "architectures": [state.architecture],
            "memory_size": state.memory,
            "timeout": state.timeout,
            "ephemeral_storage": [{ "size": state.ephemeral_storage }],
            "environment": [{ "variables": literals(&state.environment) }],
            "layers": layers.collect::<Vec<_>>(),
            "tracing_config": [{ "mode": if state.tracing { "Active" } else { "PassThrough" } }],
            "publish": function.alias.is_some(),
            "tags": literals(&function.tags),
        });
        if state.snap_start {
            put(&mut resource, json!({ "snap_start": [{ "apply_on": "PublishedVersions" }] }));
        }
        match &function.code {
            Code::Zip { artifact: Some(artifact), .. } => {
                let handler = literal(state.handler.as_deref().unwrap_or_default());
                put(&mut resource, zip(artifact));
                put(&mut resource, json!({ "runtime": state.runtime, "handler": handler }));
            }
            Code::Image { artifact: Some(artifact), repository, .. } => {
                let repository = match &self.desired.repository {
                    Some(Repository::Own(_)) => {
                        needs.push("aws_ecr_repository_policy.images".into());
                        "${aws_ecr_repository.images.repository_url}".into()
                    }
                    _ => literal(repository),
                };
                put(&mut resource, json!({ "image_uri": format!("{repository}@sha256:{}", artifact.sha256) }));
            }
            // All are there: that was looked at before.
            Code::Zip { .. } | Code::Image { .. } => {}
        }
        put(&mut resource, json!({ "depends_on": needs }));
        self.add("aws_lambda_function", &label, resource);
        self.belongings(function, &label);
    }

    /// What belongs to a function alone.
    fn belongings(&mut self, function: &Function, label: &str) {
        let Function { mapping, state, .. } = function;
        self.add(
            "aws_cloudwatch_log_group",
            label,
            json!({ "name": function.log_group_name(), "retention_in_days": function.log_group.retention }),
        );
        let name = format!("${{aws_lambda_function.{label}.function_name}}");
        self.add(
            "aws_lambda_function_event_invoke_config",
            label,
            json!({ "function_name": name, "maximum_retry_attempts": state.retries }),
        );
        let mut invokes = format!("${{aws_lambda_function.{label}.arn}}");
        if let Some(alias) = &function.alias {
            let version = format!("${{aws_lambda_function.{label}.version}}");
            self.add(
                "aws_lambda_alias",
                label,
                json!({ "name": alias, "function_name": name, "function_version": version }),
            );
            invokes = format!("${{aws_lambda_alias.{label}.arn}}");
        }
        let reports: &[&str] = if mapping.reports_failures { &["ReportBatchItemFailures"] } else { &[] };
        let mut resource = json!({
            "event_source_arn": "${aws_sqs_queue.queue.arn}",
            "function_name": invokes,
            "batch_size": mapping.batch_size,
            "function_response_types": reports,
            "enabled": mapping.enabled,
        });
        if mapping.maximum_concurrency > 0 {
            let scaling = json!([{ "maximum_concurrency": mapping.maximum_concurrency }]);
            put(&mut resource, json!({ "scaling_config": scaling }));
        }
        self.add("aws_lambda_event_source_mapping", label, resource);
    }
}

fn queue(name: &str, state: &QueueState) -> Value {
    let mut resource = json!({
        "name": literal(name),
        "visibility_timeout_seconds": state.visibility_timeout,
        "message_retention_seconds": state.retention,
        "sqs_managed_sse_enabled": state.encrypted,
    });
    if let Some(dead_letters) = &state.dead_letters {
        let after = dead_letters.after;
        let policy = format!(
            "${{jsonencode({{deadLetterTargetArn = aws_sqs_queue.dead_letters.arn, maxReceiveCount = {after}}})}}"
        );
        put(&mut resource, json!({ "redrive_policy": policy }));
    }
    resource
}

/// Where Lambda takes a ZIP from, and how it knows that it is another one.
fn zip(artifact: &Artifact) -> Value {
    let object = object_label(&artifact.sha256);
    json!({
        "s3_bucket": format!("${{aws_s3_object.{object}.bucket}}"),
        "s3_key": format!("${{aws_s3_object.{object}.key}}"),
        "source_code_hash": base64(&artifact.sha256),
    })
}

fn object_label(sha256: &str) -> String {
    format!("sha256_{}", &sha256[..sha256.len().min(16)])
}

/// A name as a label: one does not begin with a digit or `-`.
fn label(name: &str) -> String {
    if name.starts_with(|first: char| first.is_ascii_alphabetic()) { name.to_owned() } else { format!("_{name}") }
}

/// A policy as the text that AWS takes.
fn document(policy: &Value) -> String {
    literal(&policy.to_string())
}

/// Text in a template: what begins an expression is doubled, and the account is one.
fn literal(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{").replace(ACCOUNT, "${data.aws_caller_identity.current.account_id}")
}

fn literals(texts: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    texts.iter().map(|(name, value)| (literal(name), literal(value))).collect()
}

/// Adds the fields of one object to another.
fn put(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_project_says_is_no_expression() {
        assert_eq!(literal("${a} %{b} $c"), "$${a} %%{b} $c");
        assert_eq!(literal(&format!("x-{ACCOUNT}")), "x-${data.aws_caller_identity.current.account_id}");
        assert_eq!((label("a-1"), label("1a"), label("_1a")), ("a-1".into(), "_1a".into(), "__1a".into()));
    }
}
