//! Proves that a wrong pack.toml gives an error that a person can act on: each message as a whole, with file, line, column,
//! the line itself and what to do.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use insta::assert_snapshot;
use support::Pack;

/// A function `report` and a layer `science`, by their names alone.
fn project(file: &str) -> Pack {
    let pack = Pack::new();
    pack.function("report", "def handler(event, context):\n    return 1\n", &[]);
    pack.write("layers/science.txt", "pkg\n");
    pack.write("pack.toml", file);
    pack
}

/// What `pack plan` says of a wrong file. Nothing else may happen.
fn wrong(file: &str) -> String {
    let outcome = project(file).command(["plan"]).run();
    assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{}", outcome.stderr);
    outcome.stderr
}

#[test]
fn an_unknown_key_suggests_the_right_one() {
    assert_snapshot!(wrong("[functions.report]\n\
         memroy = 512\n"), @r##"
    error: pack.toml:2:1: [functions.report] has no key "memroy"
      2 | memroy = 512
        | ^^^^^^
    hint: did you mean "memory"? it has: source, handler, requirements, extras, groups, layers, environment, memory, timeout, ephemeral-storage, slim, bytecode, keep, exclude, aws-services, provided, bundle-sdk, tags, budgets
    "##);
}

#[test]
fn an_unknown_table_suggests_the_right_one() {
    assert_snapshot!(wrong("[function.report]\n\
         memory = 512\n"), @r##"
    error: pack.toml:1:2: there is no table or key "function"
      1 | [function.report]
        |  ^^^^^^^^
    hint: did you mean "functions"? a project file has: project, defaults, functions, layers, packaging, image, budgets, matrix, deploy
    "##);
}

#[test]
fn a_key_in_the_wrong_table_names_the_right_ones() {
    assert_snapshot!(wrong("memory = 512\n"), @r##"
    error: pack.toml:1:1: there is no table or key "memory"
      1 | memory = 512
        | ^^^^^^
    hint: "memory" is a key of [defaults], [functions.NAME], [matrix]
    "##);
}

#[test]
fn an_underscore_is_told_from_a_dash() {
    assert_snapshot!(wrong("[defaults]\n\
         ephemeral_storage = 512\n"), @r##"
    error: pack.toml:2:1: [defaults] has no key "ephemeral_storage"
      2 | ephemeral_storage = 512
        | ^^^^^^^^^^^^^^^^^
    hint: did you mean "ephemeral-storage"? it has: handler, requirements, layers, environment, memory, timeout, ephemeral-storage, slim, bytecode, keep, exclude, aws-services, provided, bundle-sdk, tags
    "##);
}

#[test]
fn a_wrong_type_says_what_is_expected() {
    assert_snapshot!(wrong(r#"[functions.report]
timeout = "60""#), @r##"
    error: pack.toml:2:11: timeout takes a whole number from 1 to 900 (seconds), and this is a text
      2 | timeout = "60"
        |           ^^^^
    hint: example: timeout = 60
    "##);
}

#[test]
fn a_number_that_lambda_does_not_take_has_its_sentence() {
    assert_snapshot!(wrong("[defaults]\n\
         memory = 64\n"), @r##"
    error: pack.toml:2:10: memory takes a whole number from 128 to 10240 (MB)
      2 | memory = 64
        |          ^^
    hint: Lambda says "1 validation error detected: Value '64' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128"
    "##);
}

#[test]
fn a_wrong_word_lists_the_right_ones() {
    assert_snapshot!(wrong(r#"[defaults]
slim = "deap""#), @r##"
    error: pack.toml:2:8: slim cannot be "deap"
      2 | slim = "deap"
        |        ^^^^^^
    hint: did you mean "deep"? possible are "none", "standard", "deep"
    "##);
}

#[test]
fn what_is_no_toml_is_shown() {
    assert_snapshot!(wrong(r#"[matrix
python = ["3.13"]"#), @r##"
    error: pack.toml:1:8: this is not TOML: unclosed table, expected `]`
      1 | [matrix
        |        ^
    hint: strings are in quotes, tables in [brackets]; see https://toml.io
    "##);
}

#[test]
fn a_table_twice_is_shown() {
    assert_snapshot!(wrong("[defaults]\n\
         memory = 512\n\
         \n\
         [defaults]\n\
         timeout = 3\n"), @r##"
    error: pack.toml:4:2: this is not TOML: duplicate key
      4 | [defaults]
        |  ^^^^^^^^
    hint: each table and each key is written once: put them together
    "##);
}

#[test]
fn a_python_version_without_quotes() {
    assert_snapshot!(wrong("[matrix]\n\
         python = [3.10]\n"), @r##"
    error: pack.toml:2:11: python takes a Python version in quotes, and this is a number
      2 | python = [3.10]
        |           ^^^^
    hint: example: python = ["3.12", "3.13"]
    "##);
}

#[test]
fn a_python_version_that_ended_has_awss_sentence() {
    assert_snapshot!(wrong(r#"[matrix]
python = ["3.13", "3.8"]"#), @r##"
    error: pack.toml:2:19: "3.8" is not a Python that Lambda runs
      2 | python = ["3.13", "3.8"]
        |                   ^^^^^
    hint: Lambda runtimes known to pack: 3.10, 3.11, 3.12, 3.13, 3.14; Lambda says "The runtime parameter of python3.8 is no longer supported for creating or updating AWS Lambda functions."
    "##);
}

#[test]
fn an_unknown_architecture() {
    assert_snapshot!(wrong(r#"[matrix]
architectures = ["aarch65"]"#), @r##"
    error: pack.toml:2:18: "aarch65" is not an architecture of Lambda
      2 | architectures = ["aarch65"]
        |                  ^^^^^^^^^
    hint: possible are "x86_64", "arm64"
    "##);
}

#[test]
fn a_function_that_is_not_there_suggests_one_that_is() {
    assert_snapshot!(wrong("[functions.reprot]\n\
         memory = 512\n"), @r##"
    error: pack.toml:1:12: there is no functions/reprot and no functions/reprot.py
      1 | [functions.reprot]
        |            ^^^^^^
    hint: did you mean "report"? functions here: report; or say where it is, with source = "src/reprot"
    "##);
}

#[test]
fn a_source_that_is_not_there() {
    assert_snapshot!(wrong(r#"[functions.job]
source = "src/job""#), @r##"
    error: pack.toml:2:10: src/job does not exist
      2 | source = "src/job"
        |          ^^^^^^^^^
    hint: source is the path of the function's folder or .py file, as seen from pack.toml
    "##);
}

#[test]
fn a_requirements_file_that_is_not_there() {
    assert_snapshot!(wrong(r#"[functions.report]
requirements = ["requirements/report.txt", "reqs.txt"]"#), @r##"
    error: pack.toml:2:44: there is no file reqs.txt
      2 | requirements = ["requirements/report.txt", "reqs.txt"]
        |                                            ^^^^^^^^^^
    hint: requirements are paths of files, as seen from pack.toml
    "##);
}

#[test]
fn a_layer_that_is_not_there_suggests_one_that_is() {
    assert_snapshot!(wrong(r#"[functions.report]
layers = ["scienc"]"#), @r##"
    error: pack.toml:2:11: there is no layer "scienc"
      2 | layers = ["scienc"]
        |           ^^^^^^^^
    hint: did you mean "science"? layers here: science; layers/scienc.txt or [layers.scienc] makes one
    "##);
}

#[test]
fn six_layers() {
    assert_snapshot!(wrong(r#"[functions.report]
layers = ["a1", "a2", "a3", "a4", "a5", "a6"]

[layers]
a1.public = "powertools"
a2.public = "powertools"
a3.public = "powertools"
a4.public = "powertools"
a5.public = "powertools"
a6.public = "powertools""#), @r##"
    error: pack.toml:2:10: 6 layers are listed; Lambda takes 5
      2 | layers = ["a1", "a2", "a3", "a4", "a5", "a6"]
        |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: merge layers: several requirement files make one layer
    "##);
}

#[test]
fn a_layer_with_nothing_in_it() {
    assert_snapshot!(wrong(r#"[layers.empty]
slim = "deep""#), @r##"
    error: pack.toml:1:9: the layer "empty" has nothing in it
      1 | [layers.empty]
        |         ^^^^^
    hint: write layers/empty.txt (requirements) or layers/empty/ (files), or say requirements, files, public or arn
    "##);
}

#[test]
fn a_published_layer_cannot_be_slimmed() {
    assert_snapshot!(wrong(r#"[layers.tools]
public = "powertools"
slim = "deep""#), @r##"
    error: pack.toml:3:8: the layer "tools" is somebody else's, so that slim cannot change it
      3 | slim = "deep"
        |        ^^^^^^
    hint: leave it away; or leave public and arn away, and the layer is built here
    "##);
}

#[test]
fn a_wrong_arn() {
    assert_snapshot!(wrong(r#"[layers.tools]
arn = "arn:aws:lambda:eu-west-1:layer:tools""#), @r##"
    error: pack.toml:2:7: "arn:aws:lambda:eu-west-1:layer:tools" is not the ARN of a layer
      2 | arn = "arn:aws:lambda:eu-west-1:layer:tools"
        |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: an ARN of a layer looks like arn:aws:lambda:eu-west-1:123456789012:layer:NAME:1
    "##);
}

#[test]
fn versions_of_a_layer_that_are_none() {
    assert_snapshot!(wrong(r#"[layers.tools]
public = "powertools"
version = { "3.13" = 0, "python3.13" = 2, "3.13-mips" = 1, "3.12" = "21" }
[layers.others]
public = "powertools"
version = {}
[layers.more]
public = "powertools"
version = "21""#), @r##"
    error: pack.toml:3:22: version takes a whole number from 1, or a table of such by Python version or target
      3 | version = { "3.13" = 0, "python3.13" = 2, "3.13-mips" = 1, "3.12" = "21" }
        |                      ^
    hint: example: version = { "3.12" = 21, "3.13-arm64" = 5 }
    error: pack.toml:3:25: version has "python3.13" twice
      3 | version = { "3.13" = 0, "python3.13" = 2, "3.13-mips" = 1, "3.12" = "21" }
        |                         ^^^^^^^^^^^^
    hint: leave one of them away
    error: pack.toml:3:43: "3.13-mips" is neither a Python that Lambda runs nor a target
      3 | version = { "3.13" = 0, "python3.13" = 2, "3.13-mips" = 1, "3.12" = "21" }
        |                                           ^^^^^^^^^^^
    hint: "3.13" is for both architectures, "3.13-arm64" for one; example: version = { "3.12" = 21, "3.13-arm64" = 5 }
    error: pack.toml:3:69: version takes whole numbers from 1, and this is a text
      3 | version = { "3.13" = 0, "python3.13" = 2, "3.13-mips" = 1, "3.12" = "21" }
        |                                                                     ^^^^
    hint: example: version = { "3.12" = 21, "3.13-arm64" = 5 }
    error: pack.toml:6:11: version is empty
      6 | version = {}
        |           ^^
    hint: leave it away for the newest; example: version = { "3.12" = 21, "3.13-arm64" = 5 }
    error: pack.toml:9:11: version takes a whole number from 1, or a table of such by Python version or target, and this is a text
      9 | version = "21"
        |           ^^^^
    hint: example: version = { "3.12" = 21, "3.13-arm64" = 5 }
    "##);
}

#[test]
fn a_packaging_without_a_method() {
    assert_snapshot!(wrong(r#"[packaging.small]
slim = "deep""#), @r##"
    error: pack.toml:1:12: [packaging.small] has no method
      1 | [packaging.small]
        |            ^^^^^
    hint: example: method = "zip"; possible are "zip", "layers", "image"
    "##);
}

#[test]
fn layers_in_a_packaging_that_has_none() {
    assert_snapshot!(wrong(r#"[packaging.zip]
method = "zip"
layers = ["science"]"#), @r##"
    error: pack.toml:3:10: [packaging.zip] has layers, and its method puts everything into one artifact
      3 | layers = ["science"]
        |          ^^^^^^^^^^^
    hint: method = "layers" makes a ZIP with layers
    "##);
}

#[test]
fn a_packaging_with_layers_where_no_function_has_any() {
    assert_snapshot!(wrong(r#"[packaging.layers]
method = "layers""#), @r##"
    error: pack.toml:1:12: [packaging.layers] has the method layers, and no function lists any
      1 | [packaging.layers]
        |            ^^^^^^
    hint: example: layers = ["science"], here or in [functions.NAME]
    "##);
}

#[test]
fn a_matrix_with_an_unknown_packaging() {
    assert_snapshot!(wrong(r#"[packaging.small]
method = "zip"

[matrix]
packaging = ["smal"]"#), @r##"
    error: pack.toml:5:14: there is no packaging "smal"
      5 | packaging = ["smal"]
        |              ^^^^^^
    hint: did you mean "small"? packagings here: small, zip; a table [packaging.NAME] makes one
    "##);
}

#[test]
fn an_exclude_that_matches_nothing() {
    assert_snapshot!(wrong(r#"[matrix]
python = ["3.12", "3.13"]
exclude = [{ python = "3.14" }]"#), @r##"
    error: pack.toml:3:12: this excludes nothing: no combination of the matrix fits it
      3 | exclude = [{ python = "3.14" }]
        |            ^^^^^^^^^^^^^^^^^^^
    hint: pack plan shows the matrix
    "##);
}

#[test]
fn an_exclude_that_leaves_nothing() {
    assert_snapshot!(wrong("[matrix]\n\
         exclude = [{}]\n"), @r##"
    error: pack.toml:2:12: after this, nothing is left of the matrix
      2 | exclude = [{}]
        |            ^^
    hint: name what is to be left out: function, packaging, python, architecture, memory
    "##);
}

#[test]
fn an_include_that_adds_nothing() {
    assert_snapshot!(wrong(r#"[matrix]
include = [{ python = "3.13" }]"#), @r##"
    error: pack.toml:2:12: this includes nothing that the matrix does not have already
      2 | include = [{ python = "3.13" }]
        |            ^^^^^^^^^^^^^^^^^^^
    hint: name what is to be added: function, packaging, python, architecture, memory
    "##);
}

#[test]
fn a_reserved_variable_has_awss_sentence() {
    assert_snapshot!(wrong(r#"[functions.report.environment]
AWS_REGION = "eu-west-1""#), @r##"
    error: pack.toml:2:1: "AWS_REGION" cannot be an environment variable on Lambda
      2 | AWS_REGION = "eu-west-1"
        | ^^^^^^^^^^
    hint: choose another name; Lambda says "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: AWS_REGION"
    "##);
}

#[test]
fn an_environment_above_4_kb() {
    assert_snapshot!(wrong(&format!("[functions.report.environment]\nSHORT = \"x\"\nLONG = \"{}\"\n", "y".repeat(4096))), @r##"
    error: pack.toml:3:1: the environment of report has 4119 bytes; Lambda takes 4096, and this is the longest of it
      3 | LONG = "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
        | ^^^^
    hint: ship long values as a file; Lambda says "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit."
    "##);
}

#[test]
fn a_budget_in_unknown_units() {
    assert_snapshot!(wrong(r#"[budgets]
unpacked = "200 megs""#), @r##"
    error: pack.toml:2:12: "200 megs" is not a number of bytes and no percentage
      2 | unpacked = "200 megs"
        |            ^^^^^^^^^^
    hint: units are B, kB, MB, GB (of 1,000) and KiB, MiB, GiB (of 1,024); example: 200 MB, 80 %
    "##);
}

#[test]
fn budgets_of_what_is_no_distribution_and_shares_of_nothing() {
    assert_snapshot!(wrong("[budgets]\nimage-layer = \"80 %\"\nunpakced = 1\npacked = 1.5\n\
        distributions = { pandas = \"60 megs\", \"a b\" = 1, ruamel-yaml = 1, \"Ruamel.YAML\" = 2, six = true }\n"), @r##"
    error: pack.toml:2:15: image-layer takes bytes, and "80 %" is a percentage
      2 | image-layer = "80 %"
        |               ^^^^^^
    hint: example: image-layer = "100 MB"
    error: pack.toml:3:1: [budgets] has no key "unpakced"
      3 | unpakced = 1
        | ^^^^^^^^
    hint: did you mean "unpacked"? it has: packed, unpacked, packed-growth, unpacked-growth, distributions, image-layer
    error: pack.toml:4:10: packed takes a number of bytes or a text such as "200 MB" or "80 %", and this is a number
      4 | packed = 1.5
        |          ^^^
    hint: example: packed = "60 MB"
    error: pack.toml:5:28: "60 megs" is not a number of bytes and no percentage
      5 | distributions = { pandas = "60 megs", "a b" = 1, ruamel-yaml = 1, "Ruamel.YAML" = 2, six = true }
        |                            ^^^^^^^^^
    hint: units are B, kB, MB, GB (of 1,000) and KiB, MiB, GiB (of 1,024); example: 200 MB, 80 %
    error: pack.toml:5:39: "a b" cannot be the name of a distribution
      5 | distributions = { pandas = "60 megs", "a b" = 1, ruamel-yaml = 1, "Ruamel.YAML" = 2, six = true }
        |                                       ^^^^^
    hint: letters, digits, -, _ and . make a name, a letter or digit at both ends; example: distributions = { pandas = "60 MB", pyarrow = "20 %" }
    error: pack.toml:5:50: distributions has the distribution "ruamel-yaml" twice
      5 | distributions = { pandas = "60 megs", "a b" = 1, ruamel-yaml = 1, "Ruamel.YAML" = 2, six = true }
        |                                                  ^^^^^^^^^^^
    hint: - and _ and . are the same in such a name: leave one of them away
    error: pack.toml:5:92: distributions takes a number of bytes or a text such as "200 MB" or "80 %", and this is true
      5 | distributions = { pandas = "60 megs", "a b" = 1, ruamel-yaml = 1, "Ruamel.YAML" = 2, six = true }
        |                                                                                            ^^^^
    hint: example: distributions = { pandas = "60 MB", pyarrow = "20 %" }
    "##);
}

#[test]
fn a_layer_has_no_layers_of_an_image() {
    assert_snapshot!(wrong("[layers.science.budgets]\nimage-layer = 1\ndistributions = 5\n"), @r##"
    error: pack.toml:2:1: [layers.science.budgets] has no key "image-layer"
      2 | image-layer = 1
        | ^^^^^^^^^^^
    hint: "image-layer" is a key of [budgets]
    error: pack.toml:3:17: distributions takes a table of distributions, each with bytes or a text such as "60 MB", and this is a number
      3 | distributions = 5
        |                 ^
    hint: example: distributions = { pandas = "60 MB", pyarrow = "20 %" }
    "##);
}

#[test]
fn a_name_that_leaves_the_folder() {
    assert_snapshot!(wrong(r#"[functions."../report"]
source = "functions/report""#), @r##"
    error: pack.toml:1:12: "../report" cannot be a name: it becomes part of file names
      1 | [functions."../report"]
        |            ^^^^^^^^^^^
    hint: letters, digits, -, _ and . make a name, 64 characters at most, no . or - at its beginning
    "##);
}

#[test]
fn a_broken_glob() {
    assert_snapshot!(wrong(r#"[defaults]
keep = ["a["]"#), @r##"
    error: pack.toml:2:9: keep: error parsing glob 'a[': unclosed character class; missing ']'
      2 | keep = ["a["]
        |         ^^^^
    hint: example: keep = ["pandas/tests/**"]
    "##);
}

#[test]
fn several_mistakes_are_told_at_once() {
    assert_snapshot!(wrong(r#"[functions.report]
memroy = 512
handler = "app"
provided = ["x", "x"]"#), @r##"
    error: pack.toml:2:1: [functions.report] has no key "memroy"
      2 | memroy = 512
        | ^^^^^^
    hint: did you mean "memory"? it has: source, handler, requirements, extras, groups, layers, environment, memory, timeout, ephemeral-storage, slim, bytecode, keep, exclude, aws-services, provided, bundle-sdk, tags, budgets
    error: pack.toml:3:11: handler takes MODULE.FUNCTION, and "app" is not
      3 | handler = "app"
        |           ^^^^^
    hint: example: handler = "app.handler"
    error: pack.toml:4:18: "x" is twice in provided
      4 | provided = ["x", "x"]
        |                  ^^^
    hint: leave one of them away
    "##);
}

#[test]
fn a_layers_own_file_is_judged_like_the_projects() {
    let pack = project("");
    pack.write("layers/science.toml", "versionned = true\n");
    let outcome = pack.command(["plan"]).run();
    assert_eq!(outcome.status, 2);
    assert_snapshot!(outcome.stderr, @r##"
    error: layers/science.toml:1:1: a layer's file has no key "versionned"
      1 | versionned = true
        | ^^^^^^^^^^
    hint: did you mean "versioned"? it has: requirements, extras, groups, files, slim, bytecode, keep, exclude, aws-services, bundle-sdk, versioned, public, arn, version, budgets
    "##);
}

#[test]
fn a_layer_is_described_in_one_place() {
    let pack = project("[layers.science]\nslim = \"deep\"\n");
    pack.write("layers/science.toml", "versioned = true\n");
    let outcome = pack.command(["plan"]).run();
    assert_eq!(outcome.status, 2);
    assert!(outcome.stderr.contains("has a file of its own, layers/science.toml"), "{}", outcome.stderr);
}

#[test]
fn a_wrong_file_stops_every_command_that_reads_it() {
    let pack = project("[functions.report]\nmemroy = 512\n");
    for command in ["plan", "zip"] {
        let outcome = pack.command([command]).run();
        assert_eq!(outcome.status, 2);
        assert!(outcome.stderr.starts_with("error: pack.toml:2:1: [functions.report] has no key \"memroy\""));
    }
}

#[test]
fn what_is_no_text_is_no_project_file() {
    let pack = project("");
    pack.write("pack.toml", b"\xff\xfe");
    assert!(pack.command(["plan"]).run().stderr.starts_with("error: pack.toml is not UTF-8"));
    pack.write("pack.toml", vec![b'\n'; (1 << 20) + 1]);
    assert!(pack.command(["plan"]).run().stderr.starts_with("error: pack.toml is larger than 1 MiB"));
}

#[test]
fn a_matrix_without_end_is_refused() {
    let sizes: Vec<String> = (128..10_240).map(|size| size.to_string()).collect();
    let file = format!("[matrix]\nmemory = [{}]\npython = [\"3.12\", \"3.13\"]\n", sizes.join(", "));
    let said = wrong(&file);
    assert!(said.contains("the matrix has 20224 combinations; 10000 are the most"), "{said}");
}
