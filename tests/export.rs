//! Proves that what `pack export` writes is what other tools take: cfn-lint and `sam validate` read the template, Terraform applies, plans again
//! and destroys its file against a local AWS, and the manifest says what Lambda would.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::base_image::{Format, base_image, has_program};
use support::lambda::request;
use support::moto::Moto;
use support::{Outcome, Pack, WheelBuilder, sha256, skip};

const HANDLER: &str = "def handler(event, context):\n    return {'batchItemFailures': []}\n";

/// Everything that a project can say of Lambda, and what other tools might take for an expression of theirs.
const SETTINGS: &str = "\
[functions.job.environment]
TEMPLATE = \"${not} %{an} $expression\"
[functions.job.tags]
team = \"data\"
";

/// A project with a ZIP, and a ZIP with a layer, in two sizes.
fn project(deploy: &str, more: &str) -> Pack {
    let pack = Pack::new();
    pack.function("job", HANDLER, &["pkg"]);
    pack.write("layers/tools.txt", "tool\n");
    for name in ["pkg", "tool"] {
        pack.wheel(&WheelBuilder::new(name, "1.0").file(&format!("{name}.py"), b""));
    }
    pack.write(
        "pack.toml",
        format!(
            "[project]\nname = \"reports\"\nregion = \"eu-west-1\"\n[defaults]\nbytecode = \"none\"\n[functions.job]\ntimeout = 60\n\
             {SETTINGS}[packaging.zip]\nmethod = \"zip\"\n[packaging.layers]\nmethod = \"layers\"\nlayers = [\"tools\"]\n{more}\
             [matrix]\nmemory = [256, 512]\n[deploy]\n{deploy}"
        ),
    );
    pack
}

fn build(pack: &Pack, command: &str) {
    done(&pack.command([command, "--no-import-test"]).run());
}

fn export(pack: &Pack, arguments: &[&str]) -> String {
    let outcome = pack.command([&["export"], arguments].concat()).run();
    done(&outcome);
    assert_eq!(outcome.stderr, "");
    outcome.stdout
}

#[track_caller]
fn done(outcome: &Outcome) {
    assert_eq!(outcome.status, 0, "{}{}", outcome.stdout, outcome.stderr);
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn what_is_not_built_is_not_exported() {
    let pack = project("", "");
    for format in ["terraform", "cloudformation", "manifest"] {
        let outcome = pack.command(["export", format]).run();
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("not built yet, and so not exported: dist/"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("hint: pack zip builds what is missing"), "{}", outcome.stderr);
    }
    build(&pack, "zip");
    let (zip, layer) = ("dist/job-python3.13-x86_64.zip", "dist/layers/tools-python3.13-x86_64.zip");
    // What is broken is no artifact.
    let bytes = std::fs::read(pack.path(zip)).unwrap();
    pack.write(zip, &bytes[..bytes.len() / 2]);
    let outcome = pack.command(["export", "manifest"]).run();
    assert!(outcome.status == 2 && outcome.stderr.contains(zip), "{}", outcome.stderr);
    pack.write(zip, bytes);
    std::fs::remove_file(pack.path(layer)).unwrap();
    let outcome = pack.command(["export", "terraform", "--output", "infra/main.tf.json"]).run();
    assert_eq!(outcome.status, 2, "{}", outcome.stderr);
    assert!(outcome.stderr.contains(&format!("exported: {layer}\nhint: pack layer builds")), "{}", outcome.stderr);
    assert!(!pack.path("infra/main.tf.json").exists());
}

#[test]
fn the_manifest_says_what_lambda_reports() {
    let pack = project("", "");
    build(&pack, "zip");
    let manifest = json_of(&export(&pack, &["manifest"]));
    assert_eq!((&manifest["version"], &manifest["project"]), (&json!(1), &json!("reports")));
    let artifacts = manifest["artifacts"].as_array().unwrap();
    let kinds: Vec<_> = artifacts.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["layer", "zip", "zip"]);
    for artifact in artifacts {
        let bytes = std::fs::read(pack.path(artifact["path"].as_str().unwrap())).unwrap();
        let digest = sha256(&bytes);
        let raw = data_encoding::HEXLOWER.decode(digest.as_bytes()).unwrap();
        assert_eq!(artifact["code_sha256"], json!(data_encoding::BASE64.encode(&raw)));
        assert_eq!(artifact["s3_key"], json!(format!("sha256/{digest}.zip")));
        assert_eq!((&artifact["sha256"], &artifact["packed_bytes"]), (&json!(digest), &json!(bytes.len())));
        assert!(artifact["unpacked_bytes"].as_u64().unwrap() > 0, "{artifact:#}");
    }
    let layers = artifacts.iter().find(|one| one["packaging"] == "layers").unwrap();
    assert_eq!(layers["handler"], "app.handler", "found in the ZIP");
    assert_eq!(layers["memory"], json!([256, 512]));
    assert_eq!(
        layers["layers"],
        json!([{ "name": "tools", "path": "dist/layers/tools-python3.13-x86_64.zip", "arn": null }])
    );
    // What is documented is what is there.
    let documented = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/artifacts.md")).unwrap();
    for key in artifacts[0].as_object().unwrap().keys() {
        assert!(documented.contains(&format!("`{key}`")), "{key} is not in docs/artifacts.md");
    }
    // The same into a file.
    export(&pack, &["manifest", "--output", "out/artifacts.json"]);
    assert_eq!(json_of(&std::fs::read_to_string(pack.path("out/artifacts.json")).unwrap()), manifest);
    assert_eq!(Pack::files(&pack.path("out")), ["artifacts.json"]);
}

/// Where a tool of the environment for templates is; none where it is not installed.
fn tool(name: &str) -> Option<PathBuf> {
    let tool = std::env::var_os("PACK_TEST_TEMPLATES").map(|folder| Path::new(&folder).join("bin").join(name));
    let tool = tool.filter(|tool| tool.is_file());
    if tool.is_none() {
        skip(&format!("{name} is not here: scripts/test installs it and names it in PACK_TEST_TEMPLATES"));
    }
    tool
}

#[track_caller]
fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn what_checks_templates_has_nothing_to_say() {
    let Some(image) = image() else { return };
    let (Some(lint), Some(sam)) = (tool("cfn-lint"), tool("sam")) else { return };
    for (deploy, more) in [
        ("", image.as_str()),
        (
            "alias = \"live\"\nsnap-start = true\nmaximum-concurrency = 50\nrole = \"arn:aws:iam::123456789012:role/given\"\n",
            "",
        ),
    ] {
        let pack = project(deploy, more);
        build(&pack, "zip");
        if !more.is_empty() {
            build(&pack, "image");
        }
        export(&pack, &["cloudformation", "--output", "stack.json"]);
        let template = pack.path("stack.json");
        // Everything that there is to say, hints included; but the Region is known, and so is its partition (I3042).
        let mut command = Command::new(&lint);
        command
            .args(["--include-checks", "I", "--ignore-checks", "I3042", "--regions", "eu-west-1", "--"])
            .arg(&template);
        let said = succeeds(&mut command);
        assert_eq!(said, "", "{said}");
        let mut command = Command::new(&sam);
        command.args(["validate", "--lint", "--region", "eu-west-1", "--template-file"]).arg(&template);
        // It looks for settings of the project, and tells its maker of every call.
        command.current_dir(pack.path("")).env("SAM_CLI_TELEMETRY", "0").env("HOME", pack.tmp());
        let said = succeeds(&mut command);
        assert!(said.contains("is a valid SAM Template"), "{said}");
        let template = json_of(&std::fs::read_to_string(template).unwrap());
        let kinds = template["Resources"].as_object().unwrap().values();
        let functions = kinds.filter(|resource| resource["Type"] == "AWS::Lambda::Function").count();
        assert_eq!(functions, if more.is_empty() { 4 } else { 6 });
    }
}

/// Terraform in a folder, with its provider from this machine and its calls going to a local AWS.
struct Terraform {
    folder: PathBuf,
    moto: Moto,
}

impl Terraform {
    /// None where something of it is not here.
    fn start(pack: &Pack) -> Option<Self> {
        let Some(plugins) = std::env::var_os("PACK_TEST_TERRAFORM_PLUGINS").filter(|_| has_program("terraform")) else {
            skip(
                "terraform is not here with its AWS provider: PACK_TEST_TERRAFORM_PLUGINS names the provider's folder",
            );
            return None;
        };
        let Some(moto) = Moto::start() else {
            skip("moto is not here: scripts/test installs it and names it in PACK_TEST_MOTO");
            return None;
        };
        let endpoints: Value = ["cloudwatch", "cloudwatchlogs", "ecr", "iam", "lambda", "s3", "sqs", "sts"]
            .iter()
            .map(|service| ((*service).to_owned(), json!(format!("http://{}", moto.place))))
            .collect::<serde_json::Map<_, _>>()
            .into();
        // moto passes over conditions, so that a policy against what is not TLS shuts everybody out.
        let open = |bucket: &str| {
            json!({ "policy": format!(
                "${{jsonencode({{Version = \"2012-10-17\", Statement = [{{Effect = \"Allow\", Principal = \"*\", Action = \"s3:*\", \
                 Resource = \"${{aws_s3_bucket.{bucket}.arn}}/*\"}}]}})}}"
            ) })
        };
        // moto tells of a policy with other spaces, and of an image's settings where there are none; AWS does neither.
        let passed_over = |field: &str| json!({ "lifecycle": [{ "ignore_changes": [field] }] });
        let settings = json!({
            "provider": { "aws": {
                "access_key": "test", "secret_key": "test", "s3_use_path_style": true,
                "skip_credentials_validation": true, "skip_metadata_api_check": true,
                "endpoints": [endpoints],
            } },
            "resource": {
                "aws_s3_bucket_policy": { "artifacts": open("artifacts"), "data": open("data") },
                "aws_sqs_queue": { "queue": passed_over("redrive_policy") },
                "aws_lambda_function": { "reports-job-image-512": passed_over("image_config") },
            },
        });
        pack.write("infra/test_override.tf.json", settings.to_string());
        pack.write("terraformrc", "");
        let terraform = Self { folder: pack.path("infra"), moto };
        succeeds(
            terraform.command(&["init", "-input=false"]).arg(format!("-plugin-dir={}", Path::new(&plugins).display())),
        );
        succeeds(&mut terraform.command(&["validate"]));
        Some(terraform)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("terraform");
        for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        command.arg(format!("-chdir={}", self.folder.display())).args(arguments);
        command.env("TF_CLI_CONFIG_FILE", self.folder.join("../terraformrc")).env("CHECKPOINT_DISABLE", "1");
        command
    }

    /// What a plan would do; nothing where it would do nothing.
    fn plan(&self) -> String {
        let output = self.command(&["plan", "-input=false", "-no-color", "-detailed-exitcode"]).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.code() == Some(0) { String::new() } else { text }
    }
}

/// A packaging as an image, above the stand-in for AWS's base image; none where that cannot be made.
fn image() -> Option<String> {
    let base = base_image(Format::Oci)?.canonicalize().unwrap();
    Some(format!("[packaging.image]\nmethod = \"image\"\n[image]\nbase = \"{}\"\n", base.display()))
}

#[test]
fn terraform_applies_it_plans_nothing_more_and_destroys_it() {
    let Some(image) = image() else { return };
    // One size: Terraform waits with each resource.
    let one_size = |pack: &Pack| {
        let manifest = std::fs::read_to_string(pack.path("pack.toml")).unwrap();
        pack.write("pack.toml", manifest.replace("[256, 512]", "[512]"));
    };
    let pack = project("log-retention = 14\nmaximum-concurrency = 50\n", &image);
    one_size(&pack);
    build(&pack, "zip");
    build(&pack, "image");
    export(&pack, &["terraform", "--output", "infra/main.tf.json"]);
    let Some(terraform) = Terraform::start(&pack) else { return };
    succeeds(&mut terraform.command(&["apply", "-input=false", "-auto-approve"]));
    assert_eq!(terraform.plan(), "");
    let asked = |path: &str| json_of(&request(&terraform.moto.place, "GET", path, "").1);
    let function = asked("/2015-03-31/functions/reports-job-layers-512");
    let manifest = json_of(&export(&pack, &["manifest"]));
    let of = |packaging: &str| {
        let artifacts = manifest["artifacts"].as_array().unwrap();
        artifacts.iter().find(|one| one["packaging"] == packaging).unwrap().clone()
    };
    let configuration = &function["Configuration"];
    assert_eq!(configuration["CodeSha256"], of("layers")["code_sha256"], "{function:#}");
    assert_eq!((&configuration["MemorySize"], &configuration["Timeout"]), (&json!(512), &json!(60)));
    assert_eq!(configuration["Environment"]["Variables"]["TEMPLATE"], "${not} %{an} $expression");
    assert_eq!(configuration["Layers"].as_array().unwrap().len(), 1);
    let uri = asked("/2015-03-31/functions/reports-job-image-512")["Code"]["ImageUri"].as_str().unwrap().to_owned();
    let digest = of("image")["image_digest"].as_str().unwrap().to_owned();
    assert_eq!(uri, format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/reports@{digest}"));

    // What is built anew is not uploaded under the old digest; what is exported anew is.
    pack.write("functions/job/app.py", HANDLER.replace("[]", "[ ]"));
    build(&pack, "zip");
    let refused = terraform.plan();
    assert!(refused.contains("is no longer what was exported"), "{refused}");
    export(&pack, &["terraform", "--output", "infra/main.tf.json"]);
    succeeds(&mut terraform.command(&["apply", "-input=false", "-auto-approve"]));
    assert_eq!(terraform.plan(), "");
    succeeds(&mut terraform.command(&["destroy", "-input=false", "-auto-approve"]));
    assert_eq!(asked("/2015-03-31/functions/")["Functions"], json!([]));
}
