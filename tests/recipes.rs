//! Every recipe, built with `--slim deep` from real wheels and used: what is left does its work, what is gone is gone, and
//! a function that names it gets it.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]
#![allow(clippy::print_stdout, reason = "what was measured is for whoever runs this with --nocapture")]

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::{Pack, ReadOnly, WheelBuilder, skip};

/// What one recipe is held to.
struct Case {
    /// The runtime's Python.
    python: &'static str,
    /// The distribution, and the name of its handler in tests/recipes.
    name: &'static str,
    /// Requirements of the handler.
    requirements: &'static [&'static str],
    /// Parts that have to go.
    gone: &'static [&'static str],
    /// Modules that cannot be imported any more.
    modules: &'static [&'static str],
    /// Lines of a function that names parts, and the parts that it thereby keeps.
    naming: &'static [(&'static str, &'static str)],
}

impl Case {
    fn run(&self) {
        let pack = Pack::new();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/recipes/{}.py", self.name));
        let source = std::fs::read_to_string(source).unwrap();
        pack.function("used", &source, self.requirements);
        let Some(python) = interpreter(&pack, self.python) else { return };

        let standard = build(&pack, "used", self.python, "standard");
        let report = build(&pack, "used", self.python, "deep");
        println!("{}: {} standard, {} deep", self.name, standard["unpacked"], report["unpacked"]);
        for part in self.gone {
            assert!(
                parts(&report, "removed").contains(&(*part).to_owned()),
                "{}: {part} stayed: {:#}",
                self.name,
                report["kept"]
            );
        }
        let folder = pack.path("unpacked");
        let artifact = ReadOnly::unpack(&pack.path("used.zip"), &folder);
        assert_eq!(run(&python, &folder, self.modules), "ok", "{}", self.name);
        artifact.assert_unchanged();

        if self.naming.is_empty() {
            return;
        }
        // Never run: it only names.
        let named: Vec<&str> = self.naming.iter().map(|(line, _)| *line).collect();
        pack.function(
            "naming",
            &format!("{source}\n\ndef never():\n    {}\n", named.join("\n    ")),
            self.requirements,
        );
        let report = build(&pack, "naming", self.python, "deep");
        let kept: Vec<String> = parts(&report, "kept");
        for (_, part) in self.naming {
            assert!(kept.contains(&(*part).to_owned()), "{}: {part} went although it is named", self.name);
        }
        let folder = pack.path("unpacked-naming");
        let artifact = ReadOnly::unpack(&pack.path("naming.zip"), &folder);
        let probe = "import sys, importlib; sys.path.insert(0, sys.argv[1])\n\
                     for name in sys.argv[2:]: importlib.import_module(name)";
        succeed(Command::new(&python).args(["-I", "-S", "-B", "-c", probe]).arg(&folder).args(self.modules));
        drop(artifact);
    }
}

/// `pack zip --slim LEVEL`.
fn build(pack: &Pack, function: &str, python: &str, level: &str) -> Value {
    let mut run = pack.with_the_index(["zip", function, "--bytecode", "none", "--json", "--python", python]);
    run.command.args(["--slim", level, "--output", &format!("{function}.zip")]);
    run.run().json(0)
}

/// The parts that a report lists.
fn parts(report: &Value, key: &str) -> Vec<String> {
    let entries = report[key].as_array().unwrap();
    entries.iter().filter_map(|entry| Some(entry["component"].as_str()?.to_owned())).collect()
}

/// A CPython of this machine, if it can run what is built for Lambda.
fn interpreter(pack: &Pack, version: &str) -> Option<std::path::PathBuf> {
    let plan = pack.with_the_index(["zip", "used", "--json", "--dry-run", "--python", version]).run().json(0);
    let python = plan["compile_interpreter"].as_str();
    let python = python.filter(|_| cfg!(all(target_os = "linux", target_arch = "x86_64")));
    if python.is_none() {
        skip(&format!("it takes Linux x86_64 and a CPython {version}"));
    }
    python.map(Into::into)
}

fn run(python: &Path, folder: &Path, gone: &[&str]) -> String {
    let mut command = Command::new(python);
    command.args(["-I", "-S", "-B"]).arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recipes/run.py"));
    let said = succeed(command.arg(folder).args(gone));
    said.lines().last().unwrap_or_default().to_owned()
}

fn succeed(command: &mut Command) -> String {
    let output = command.env("MPLCONFIGDIR", std::env::temp_dir()).output().unwrap();
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn pyarrow() {
    Case {
        python: "3.13",
        name: "pyarrow",
        requirements: &["pyarrow>=26"],
        gone: &["Flight RPC", "Substrait", "S3 file system", "GCS, Azure and HDFS file systems", "Parquet encryption"],
        modules: &[
            "pyarrow.flight",
            "pyarrow.substrait",
            "pyarrow._s3fs",
            "pyarrow._gcsfs",
            "pyarrow._azurefs",
            "pyarrow._hdfs",
            "pyarrow.parquet.encryption",
        ],
        naming: &[
            ("import pyarrow.flight", "Flight RPC"),
            ("from pyarrow import substrait", "Substrait"),
            ("pq.read_table('s3://bucket/key')", "S3 file system"),
            ("pyarrow.fs.GcsFileSystem()", "GCS, Azure and HDFS file systems"),
            ("import pyarrow.parquet.encryption", "Parquet encryption"),
        ],
    }
    .run();
}

#[test]
fn numpy() {
    Case {
        python: "3.13",
        name: "numpy",
        requirements: &["numpy"],
        gone: &["f2py", "SIMD test module"],
        modules: &["numpy.f2py", "numpy._core._simd"],
        naming: &[("np.f2py.get_include()", "f2py"), ("import numpy._core._simd", "SIMD test module")],
    }
    .run();
}

#[test]
fn numpy_with_distutils() {
    Case {
        python: "3.11",
        name: "numpy",
        requirements: &["numpy"],
        gone: &["f2py", "distutils"],
        modules: &["numpy.f2py", "numpy.distutils"],
        naming: &[("import numpy.distutils", "distutils")],
    }
    .run();
}

#[test]
fn botocore() {
    Case {
        python: "3.13",
        name: "botocore",
        requirements: &["boto3"],
        gone: &["definitions of other services", "resources of other services", "examples for the documentation"],
        modules: &[],
        naming: &[],
    }
    .run();
}

#[test]
fn powertools() {
    Case {
        python: "3.13",
        name: "aws-lambda-powertools",
        requirements: &["aws-lambda-powertools[parser]", "boto3"],
        gone: &["Swagger UI"],
        modules: &[],
        naming: &[("app.enable_swagger()", "Swagger UI")],
    }
    .run();
}

#[test]
fn learning() {
    Case {
        python: "3.13",
        name: "learning",
        requirements: &["scikit-learn", "statsmodels", "matplotlib"],
        gone: &["sample datasets", "raw data of sample datasets", "sample data", "Sphinx extensions"],
        modules: &["matplotlib.sphinxext"],
        naming: &[
            ("load_iris()", "sample datasets"),
            ("cbook.get_sample_data('x')", "sample data"),
            ("import matplotlib.sphinxext", "Sphinx extensions"),
        ],
    }
    .run();
}

#[test]
fn numba() {
    Case {
        python: "3.13",
        name: "numba",
        requirements: &["numba"],
        gone: &["tests"],
        modules: &["numba.tests"],
        naming: &[("import numba.tests", "tests")],
    }
    .run();
}

#[test]
fn duckdb() {
    Case {
        python: "3.13",
        name: "duckdb",
        requirements: &["duckdb"],
        gone: &["Spark API"],
        modules: &["duckdb.experimental"],
        naming: &[("from duckdb.experimental.spark.sql import SparkSession", "Spark API")],
    }
    .run();
}

/// `torch` for CPUs, of which the index has wheels for arm64 only. It is larger than what a ZIP may have, so that an image takes
/// it; what has to go and to stay is seen without running it.
#[test]
fn torch() {
    if std::env::var_os("PACK_GOOD_SETS").is_none_or(|value| value != "all") {
        return skip("a wheel of 100 MB; PACK_GOOD_SETS=all builds it");
    }
    let pack = Pack::new();
    let build = |source: &str| {
        pack.function("used", source, &["torch==2.8.0"]);
        let run = pack.with_the_index(["zip", "used", "--bytecode", "none", "--json", "--arch", "arm64"]);
        // Too large for a ZIP, and kept under a name that says so.
        run.run().json(1)
    };
    let source = "import torch\n\n\ndef handler(event, context):\n    return torch.ones(2).tolist()\n";
    let report = build(source);
    assert_eq!(report["findings"], serde_json::json!([]));
    let mut gone = parts(&report, "removed");
    gone.dedup();
    gone.sort();
    gone.dedup();
    assert_eq!(gone, ["C++ headers", "CMake configuration", "protoc"]);
    let files = support::unzip(&pack.path("dist/used-python3.13-arm64.over-limit.zip"));
    assert!(files.contains_key("torch/bin/torch_shm_manager"));
    let named = format!("{source}\n\ndef never():\n    torch.compile(handler), torch.utils.cmake_prefix_path\n");
    assert_eq!(parts(&build(&named), "kept"), ["C++ headers", "CMake configuration"]);
}

#[test]
fn onnxruntime() {
    Case {
        python: "3.13",
        name: "onnxruntime",
        requirements: &["onnxruntime"],
        gone: &["C library", "tools for making models"],
        modules: &[],
        naming: &[
            ("ctypes.CDLL('libonnxruntime.so')", "C library"),
            ("import onnxruntime.quantization", "tools for making models"),
        ],
    }
    .run();
}

/// xgboost requires 350 MB of it, packed, and opens it on machines with GPUs only.
#[test]
fn what_only_gpus_use_goes() {
    let pack = Pack::new();
    pack.wheel(
        &WheelBuilder::new("nvidia_nccl_cu13", "2.32.3")
            .file("nvidia/nccl/lib/libnccl.so.2", b"\x7fELF")
            .file("nvidia/nccl/include/nccl.h", b"")
            .file("nvidia/nccl/lib/libnccl_device.bc", b"BC"),
    );
    let collective = b"def find():\n    try:\n        from nvidia.nccl import lib\n    except ImportError:\n        return None\n    return lib\n";
    pack.wheel(
        &WheelBuilder::new("xgboost", "3.4.1")
            .requires("nvidia-nccl-cu13")
            .file("xgboost/__init__.py", b"from . import collective\n")
            .file("xgboost/collective.py", collective),
    );
    pack.function(
        "used",
        "import xgboost\n\n\ndef handler(event, context):\n    return xgboost.collective.find()\n",
        &["xgboost"],
    );
    let report = pack.zip("used").arg("--json").run().json(0);
    assert_eq!(parts(&report, "removed"), ["NCCL"; 2], "{report:#}");
    let left = support::unzip(&pack.artifact("used"));
    assert!(left.keys().all(|path| !path.starts_with("nvidia/")));
    pack.function("used", "import nvidia.nccl\n\n\ndef handler(event, context):\n    return 1\n", &["xgboost"]);
    let report = pack.zip("used").arg("--json").run().json(0);
    assert_eq!(parts(&report, "kept"), ["NCCL"]);
}

#[test]
fn a_service_stays_if_it_is_named() {
    let pack = Pack::new();
    let definitions = |arguments: &[&str]| -> Vec<String> {
        let mut run = pack.with_the_index(["zip", "used", "--bytecode", "none", "--json", "--slim", "deep"]);
        run.command.args(arguments);
        run.run().json(0);
        let mut services: Vec<String> = support::unzip(&pack.artifact("used"))
            .keys()
            .filter_map(|path| path.strip_prefix("botocore/data/")?.split_once('/'))
            .map(|(service, _)| service.to_owned())
            .collect();
        services.sort();
        services.dedup();
        services
    };
    let all = 300;
    pack.function(
        "used",
        "import boto3\n\n\ndef handler(event, context):\n    return boto3.client(event['name'])\n",
        &["boto3"],
    );
    assert!(definitions(&[]).len() > all, "nothing names a service: all stay");
    assert_eq!(definitions(&["--aws-services", "s3,sqs"]), ["s3", "signin", "sqs", "sso", "sso-oidc", "sts"]);
    pack.function(
        "used",
        "import boto3\n\nQUEUE = 'sqs'\n\n\ndef handler(event, context):\n    return boto3.client(QUEUE)\n",
        &["boto3"],
    );
    assert_eq!(definitions(&["--aws-services", "s3"]), ["s3", "signin", "sqs", "sso", "sso-oidc", "sts"]);

    // A library that names its service in one module and makes the client in another.
    pack.wheel(
        &WheelBuilder::new("model", "1.0").requires("boto3").file("model/__init__.py", b"SERVICE = 'dynamodb'\n").file(
            "model/connection.py",
            b"import boto3\nfrom . import SERVICE\ndef make():\n    return boto3.client(SERVICE)\n",
        ),
    );
    pack.write("find-links.txt", format!("--find-links {}\nmodel\nboto3\n", pack.path("wheels").display()));
    let named = "import boto3, model\n\n\ndef handler(event, context):\n    return boto3.client('s3')\n";
    pack.function("used", named, &["boto3"]);
    let services = definitions(&["-r", "find-links.txt"]);
    assert!(services.contains(&"dynamodb".to_owned()) && services.len() < 20, "{services:?}");
    pack.function("used", "import boto3\n", &["boto3"]);

    let outcome = pack.with_the_index(["zip", "used", "--slim", "deep", "--aws-services", "s4"]).run();
    assert_eq!(outcome.status, 2, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("has no service s4"), "{}", outcome.stderr);
    let outcome = pack.with_the_index(["zip", "used", "--aws-services", "s3"]).run();
    assert_eq!(outcome.status, 2, "{}", outcome.stderr);
}

#[test]
fn all_services_stay_if_only_a_run_knows_which_are_asked_for() {
    let pack = Pack::new();
    let source = "import os\nimport boto3\n\n\ndef handler(event, context):\n    \
                  return boto3.client(os.environ['BACKEND']).run(event['config'])\n";
    pack.function("used", source, &["boto3"]);
    let build = |arguments: &[&str]| {
        let mut run = pack.with_the_index(["zip", "used", "--bytecode", "none", "--json", "--slim", "deep"]);
        run.command.args(["--no-import-test"]).args(arguments);
        run.run().json(0)
    };
    let report = build(&[]);
    assert!(parts(&report, "kept").contains(&"definitions of other services".to_owned()), "{:#}", report["kept"]);
    insta::assert_snapshot!(report["kept"][0]["reason"].as_str().unwrap(), @"app.py calls client for a service that only a run knows; --aws-services s3,… says which");
    let report = build(&["--aws-services", "s3"]);
    assert!(parts(&report, "removed").contains(&"definitions of other services".to_owned()), "{:#}", report["kept"]);
}

/// A distribution that imports a part in a way that no scan sees.
fn hidden(version: &str) -> Pack {
    let pack = Pack::new();
    let import = b"__import__('numpy.f2' + 'py')\n";
    pack.wheel(
        &WheelBuilder::new("numpy", version)
            .file("numpy/__init__.py", import)
            .file("numpy/f2py/__init__.py", b"X = 1\n"),
    );
    pack.function("used", "import numpy\n\n\ndef handler(event, context):\n    return 1\n", &["numpy"]);
    pack
}

#[test]
fn a_part_that_an_import_needs_after_all_is_put_back() {
    let pack = hidden("2.0");
    if interpreter(&pack, "3.13").is_none() {
        return;
    }
    let report = pack.command(["zip", "used", "--slim", "deep", "--json"]).run().json(0);
    assert!(support::unzip(&pack.artifact("used")).contains_key("numpy/f2py/__init__.py"));
    let rescued = &report["imports"]["rescued"][0];
    assert_eq!((&rescued["rule"], &rescued["component"]), (&"component".into(), &"f2py".into()), "{report:#}");
    let report = pack.zip("used").args(["--slim", "deep", "--json"]).run().json(0);
    assert_eq!(parts(&report, "removed"), ["f2py"]);
}

#[test]
fn a_version_that_nobody_looked_at_is_left_alone() {
    let report = hidden("77.0").zip("used").args(["--slim", "deep", "--json"]).run().json(0);
    assert_eq!(parts(&report, "removed"), [""; 0]);
    assert_eq!(parts(&report, "kept"), [""; 0]);
}

#[test]
fn keep_wins_over_recipes() {
    let pack = hidden("2.0");
    let arguments = ["--slim", "deep", "--json", "--keep", "numpy/f2py"];
    let report = pack.zip("used").args(arguments).run().json(0);
    assert_eq!(parts(&report, "removed"), [""; 0]);
}

/// A distribution that has a URI of its own, or that a file of the function names, is not seen by its imports.
#[test]
fn what_others_name_stays() {
    let pack = Pack::new();
    pack.wheel(
        &WheelBuilder::new("pyarrow", "26.0.1")
            .file("pyarrow/__init__.py", b"")
            .file("pyarrow/flight.py", b"")
            .file("pyarrow/_s3fs.cpython-313-x86_64-linux-gnu.so", b"\x7fELF"),
    );
    let report = |body: &[u8]| {
        pack.wheel(&WheelBuilder::new("reports", "1.0").file("reports/__init__.py", body));
        pack.function(
            "used",
            "import pyarrow, reports\n\n\ndef handler(event, context):\n    return reports.read()\n",
            &["pyarrow", "reports"],
        );
        parts(&pack.zip("used").args(["--json", "--slim", "deep", "--no-check"]).run().json(0), "kept")
    };
    assert_eq!(report(b"def read():\n    '''Not from s3://bucket, nor pyarrow.flight: here.'''\n"), [""; 0]);
    assert_eq!(report(b"def read():\n    return fs.from_uri('s3://bucket/key')\n"), ["S3 file system"]);
    assert_eq!(
        report(b"def read(kind):\n    return importlib.import_module(f'pyarrow.{kind}')\n"),
        ["Flight RPC", "S3 file system"]
    );
    assert_eq!(report(b"REGISTRY = {'flight': 'pyarrow.flight:connect'}\n"), ["Flight RPC"]);
}
