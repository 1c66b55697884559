//! The desired state as a template of CloudFormation, in JSON.
//!
//! A stack cannot upload. So it is made in two steps, with one parameter: buckets and the repository first, everything that needs an artifact once
//! these are in them. Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html>.

use std::fmt::Write as _;
use std::path::Path;

use data_encoding::HEXUPPER;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{ACCOUNT, dashboard, description, refuse_unbuilt, text};
use crate::deploy::{
    BucketState, Code, Desired, Function, Layer, LayerRef, QueueState, Repository, Role, RoleState, object_key,
};
use crate::error::{Error, Result};

/// What a template may have: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>.
const RESOURCES: usize = 500;
const PARAMETERS: usize = 200;

/// The parameter that says whether artifacts are there already, and the condition that goes by it.
const SWITCH: &str = "WithFunctions";
const CONDITION: &str = "HasArtifacts";

/// A template.
pub fn template(desired: &Desired) -> Result<String> {
    refuse_unbuilt(desired)?;
    let mut template = Template { desired, parameters: Map::new(), resources: Map::new() };
    template.parameters.insert(
        SWITCH.into(),
        json!({
            "Type": "String",
            "AllowedValues": ["true", "false"],
            "Default": "true",
            "Description": "false makes the buckets and the repository alone, for artifacts to be uploaded to",
        }),
    );
    template.bucket("ArtifactBucket", &desired.names.artifacts, &desired.artifacts);
    template.bucket("DataBucket", &desired.names.data, &desired.data);
    template.add("DeadLetterQueue", queue(&desired.names.dead_letters, &desired.dead_letters));
    template.add("Queue", queue(&desired.names.queue, &desired.queue));
    template.role();
    template.repository();
    for layer in &desired.layers {
        template.layer(layer);
    }
    for function in &desired.functions {
        template.function(function);
    }
    let body = json!({ "DashboardName": said(&desired.names.dashboard), "DashboardBody": said(&dashboard(desired)) });
    template.add("Dashboard", json!({ "Type": "AWS::CloudWatch::Dashboard", "Properties": body }));
    template.refuse_too_much()?;
    let region = &desired.place.region;
    Ok(text(&json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": description(&desired.project),
        "Rules": {
            "Region": {
                "Assertions": [{
                    "Assert": { "Fn::Equals": [{ "Ref": "AWS::Region" }, region] },
                    "AssertDescription": format!("It was exported for {region}: pack export cloudformation --region says another one"),
                }],
            },
        },
        "Parameters": template.parameters,
        "Conditions": { CONDITION: { "Fn::Equals": [{ "Ref": SWITCH }, "true"] } },
        "Resources": template.resources,
        "Outputs": {
            "ArtifactBucketName": { "Value": { "Ref": "ArtifactBucket" } },
            "DataBucketName": { "Value": { "Ref": "DataBucket" } },
            "QueueUrl": { "Value": { "Ref": "Queue" } },
        },
    })))
}

struct Template<'a> {
    desired: &'a Desired,
    parameters: Map<String, Value>,
    resources: Map<String, Value>,
}

impl Template<'_> {
    fn add(&mut self, id: &str, resource: Value) {
        self.resources.insert(id.to_owned(), resource);
    }

    /// Adds what needs an artifact, or something that does.
    fn add_later(&mut self, id: &str, kind: &str, properties: Value) {
        let mut resource = json!({ "Type": kind, "Condition": CONDITION });
        resource["Properties"] = properties;
        self.add(id, resource);
    }

    fn bucket(&mut self, id: &str, name: &str, state: &BucketState) {
        let default = json!({ "ServerSideEncryptionByDefault": { "SSEAlgorithm": state.encryption } });
        let blocks = state.blocks_public_access;
        let properties = json!({
            "BucketName": said(name),
            "VersioningConfiguration": { "Status": if state.versioning { "Enabled" } else { "Suspended" } },
            "BucketEncryption": { "ServerSideEncryptionConfiguration": [default] },
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": blocks,
                "BlockPublicPolicy": blocks,
                "IgnorePublicAcls": blocks,
                "RestrictPublicBuckets": blocks,
            },
        });
        self.add(id, kept("AWS::S3::Bucket", &properties));
        let policy = json!({ "Bucket": { "Ref": id }, "PolicyDocument": document(&state.policy) });
        self.add(&format!("{id}Policy"), json!({ "Type": "AWS::S3::BucketPolicy", "Properties": policy }));
    }

    fn role(&mut self) {
        let Role::Own(state) = &self.desired.role else { return };
        let properties = json!({
            "RoleName": said(&self.desired.names.role),
            "AssumeRolePolicyDocument": document(&state.trust),
            "Policies": [{ "PolicyName": RoleState::POLICY, "PolicyDocument": document(&state.policy) }],
        });
        self.add("Role", json!({ "Type": "AWS::IAM::Role", "Properties": properties }));
    }

    fn repository(&mut self) {
        let Some(Repository::Own(state)) = &self.desired.repository else { return };
        let properties = json!({
            "RepositoryName": said(&self.desired.names.repository),
            "RepositoryPolicyText": document(&state.policy),
            "LifecyclePolicy": { "LifecyclePolicyText": said(&state.lifecycle.to_string()) },
        });
        self.add("Repository", kept("AWS::ECR::Repository", &properties));
    }

    /// Where Lambda takes a ZIP from. The key is a parameter of the path where the ZIP was built, so that it stays when the ZIP changes.
    fn object(&mut self, output: &Path, sha256: &str) -> Value {
        let stem = output.file_stem().unwrap_or_default().to_string_lossy();
        let parameter = id("Key", &stem, &output.to_string_lossy());
        self.parameters.insert(
            parameter.clone(),
            json!({
                "Type": "String",
                "Default": object_key(sha256),
                "Description": format!("The key of {} in the bucket of artifacts", output.display()),
            }),
        );
        json!({ "S3Bucket": { "Ref": "ArtifactBucket" }, "S3Key": { "Ref": parameter } })
    }

    fn layer(&mut self, layer: &Layer) {
        let Some(artifact) = &layer.artifact else { return };
        let state = layer.state();
        let properties = json!({
            "LayerName": layer.name,
            "Description": description(&self.desired.project),
            "Content": self.object(&layer.output, &artifact.sha256),
            "CompatibleRuntimes": state.runtimes,
            "CompatibleArchitectures": state.architectures,
        });
        self.add_later(&id("Layer", &layer.name, &layer.name), "AWS::Lambda::LayerVersion", properties);
    }

    fn function(&mut self, function: &Function) {
        let Function { name, state, .. } = function;
        let mut properties = json!({
            "FunctionName": name,
            "Description": description(&self.desired.project),
            "Role": match &self.desired.role {
                Role::Own(_) => attribute("Role", "Arn"),
                Role::Given(arn) => said(arn),
            },
            "PackageType": state.package,
            "Architectures": [state.architecture],
            "MemorySize": state.memory,
            "Timeout": state.timeout,
            "EphemeralStorage": { "Size": state.ephemeral_storage },
            "Environment": { "Variables": state.environment.iter().map(|(name, value)| (name.clone(), said(value))).collect::<Map<_, _>>() },
            "TracingConfig": { "Mode": if state.tracing { "Active" } else { "PassThrough" } },
        });
        let mut set = |key: &str, value: Value| properties[key] = value;
        if !function.tags.is_empty() {
            let tags = function.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": said(value) }));
            set("Tags", tags.collect());
        }
        if !function.layers.is_empty() {
            let layers = function.layers.iter().map(|layer| match layer {
                LayerRef::Own(name) => json!({ "Ref": id("Layer", name, name) }),
                LayerRef::Published(arn) => said(arn),
            });
            set("Layers", layers.collect());
        }
        if state.snap_start {
            set("SnapStart", json!({ "ApplyOn": "PublishedVersions" }));
        }
        match &function.code {
            Code::Zip { output, artifact: Some(artifact) } => {
                set("Runtime", json!(state.runtime));
                set("Handler", said(state.handler.as_deref().unwrap_or_default()));
                set("Code", self.object(output, &artifact.sha256));
            }
            Code::Image { artifact: Some(artifact), repository, .. } => {
                set("Code", json!({ "ImageUri": said(&format!("{repository}@sha256:{}", artifact.sha256)) }));
            }
            // All are there: that was looked at before.
            Code::Zip { .. } | Code::Image { .. } => {}
        }
        let (own, log_group) = (id("Function", name, name), id("LogGroup", name, name));
        self.add(
            &own,
            json!({
                "Type": "AWS::Lambda::Function",
                "Condition": CONDITION,
                // Else Lambda makes one, without an end for its logs.
                "DependsOn": log_group,
                "Properties": properties,
            }),
        );
        self.belongings(function, &own);
    }

    /// What belongs to a function alone.
    fn belongings(&mut self, function: &Function, own: &str) {
        let Function { name, mapping, state, .. } = function;
        let mut properties = json!({ "LogGroupName": function.log_group_name() });
        if function.log_group.retention > 0 {
            properties["RetentionInDays"] = json!(function.log_group.retention);
        }
        let mut log_group = gone("AWS::Logs::LogGroup", &properties);
        log_group["Condition"] = json!(CONDITION);
        self.add(&id("LogGroup", name, name), log_group);
        self.add_later(
            &id("Retries", name, name),
            "AWS::Lambda::EventInvokeConfig",
            json!({ "FunctionName": { "Ref": own }, "Qualifier": "$LATEST", "MaximumRetryAttempts": state.retries }),
        );
        let mut invokes = json!({ "Ref": own });
        if let Some(alias) = &function.alias {
            // A version never changes: what is to be another one has another name.
            let version = id("Version", name, &(name.clone() + &self.desired.function_digest(function)));
            let (of, alias_id) = (json!({ "Ref": own }), id("Alias", name, name));
            self.add_later(&version, "AWS::Lambda::Version", json!({ "FunctionName": of }));
            let leads_to = attribute(&version, "Version");
            let properties = json!({ "Name": alias, "FunctionName": of, "FunctionVersion": leads_to });
            self.add_later(&alias_id, "AWS::Lambda::Alias", properties);
            invokes = json!({ "Ref": alias_id });
        }
        let mut properties = json!({
            "EventSourceArn": attribute("Queue", "Arn"),
            "FunctionName": invokes,
            "BatchSize": mapping.batch_size,
            "Enabled": mapping.enabled,
        });
        if mapping.reports_failures {
            properties["FunctionResponseTypes"] = json!(["ReportBatchItemFailures"]);
        }
        if mapping.maximum_concurrency > 0 {
            properties["ScalingConfig"] = json!({ "MaximumConcurrency": mapping.maximum_concurrency });
        }
        self.add_later(&id("Mapping", name, name), "AWS::Lambda::EventSourceMapping", properties);
    }

    fn refuse_too_much(&self) -> Result<()> {
        for (count, most, what) in
            [(self.resources.len(), RESOURCES, "resources"), (self.parameters.len(), PARAMETERS, "parameters")]
        {
            if count > most {
                return Err(Error::usage(
                    format!("the template would have {count} {what}; CloudFormation takes {most}"),
                    "leave rows out of [matrix] in pack.toml; pack deploy and pack export terraform have no such limit",
                ));
            }
        }
        Ok(())
    }
}

fn queue(name: &str, state: &QueueState) -> Value {
    let mut properties = json!({
        "QueueName": said(name),
        "VisibilityTimeout": state.visibility_timeout,
        "MessageRetentionPeriod": state.retention,
        "SqsManagedSseEnabled": state.encrypted,
    });
    if let Some(dead_letters) = &state.dead_letters {
        properties["RedrivePolicy"] = json!({ "deadLetterTargetArn": attribute("DeadLetterQueue", "Arn"), "maxReceiveCount": dead_letters.after });
    }
    gone("AWS::SQS::Queue", &properties)
}

/// What stays when the stack goes, as it stays when `pack destroy` is not told otherwise: who has data in it would lose it.
fn kept(kind: &str, properties: &Value) -> Value {
    let (deletion, replacement) = ("RetainExceptOnCreate", "Retain");
    json!({ "Type": kind, "DeletionPolicy": deletion, "UpdateReplacePolicy": replacement, "Properties": properties })
}

/// What goes with the stack, though it may have something in it.
fn gone(kind: &str, properties: &Value) -> Value {
    json!({ "Type": kind, "DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete", "Properties": properties })
}

fn attribute(id: &str, attribute: &str) -> Value {
    json!({ "Fn::GetAtt": [id, attribute] })
}

/// An id of the template, of letters and digits: readable, with a digest of what it is the only one of.
fn id(kind: &str, name: &str, unique: &str) -> String {
    let mut id = kind.to_owned();
    for part in name.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        let _ = write!(id, "{}{}", part[..1].to_ascii_uppercase(), &part[1..]);
    }
    id.truncate(200);
    id + &HEXUPPER.encode(&Sha256::digest(unique)[..4])
}

/// A policy, in which the account may be.
fn document(policy: &Value) -> Value {
    match policy {
        Value::String(text) => said(text),
        Value::Array(values) => values.iter().map(document).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), document(value))).collect(),
        other => other.clone(),
    }
}

/// Text; one with the account in it is put together by CloudFormation.
fn said(text: &str) -> Value {
    if text.contains(ACCOUNT) {
        json!({ "Fn::Sub": text.replace("${", "${!").replace(ACCOUNT, "${AWS::AccountId}") })
    } else {
        json!(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_account_is_filled_in() {
        assert_eq!(said("${a}"), json!("${a}"));
        assert_eq!(said(&format!("${{a}}-{ACCOUNT}")), json!({ "Fn::Sub": "${!a}-${AWS::AccountId}" }));
        assert_ne!(id("F", "a-b", "a-b"), id("F", "aB", "aB"));
        assert!(id("F", "a-b_c9", "x").starts_with("FABC9"));
    }
}
