use super::*;

/// A project with the functions `a` and `b`, and a layer `shared`.
fn project(file: &str) -> (tempfile::TempDir, Project) {
    let root = tempfile::tempdir().unwrap();
    for folder in ["functions/a", "functions/b", "layers"] {
        std::fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    std::fs::write(root.path().join("layers/shared.txt"), "").unwrap();
    std::fs::write(root.path().join("pack.toml"), file).unwrap();
    let project = Project::load(root.path()).unwrap_or_else(|error| panic!("{error}"));
    (root, project)
}

fn of(file: &str, selection: &Selection) -> Vec<String> {
    let (_root, project) = project(file);
    let builds = project.builds(selection).unwrap();
    let shown = |build: &Build| format!("{} {} {} {:?}", build.function, build.packaging, build.target, build.memory);
    let layers = builds.layers.iter().map(|build| format!("{} {} {:?}", build.layer, build.target, build.functions));
    builds.functions.iter().map(shown).chain(layers).collect()
}

fn all(file: &str) -> Vec<String> {
    of(file, &Selection::default()).into_iter().filter(|line| !line.starts_with("shared")).collect()
}

#[test]
fn without_a_matrix_each_function_is_one_zip() {
    assert_eq!(all(""), ["a zip python3.13-x86_64 []", "b zip python3.13-x86_64 []"]);
}

#[test]
fn order_is_that_of_names_file_and_versions() {
    let file = "[packaging.small]\nmethod = 'zip'\n[packaging.image]\nmethod = 'image'\n\
                [matrix]\npython = ['3.14', '3.10']\nexclude = [{ function = 'b' }]\n";
    assert_eq!(
        all(file),
        [
            "a small python3.10-x86_64 []",
            "a small python3.14-x86_64 []",
            "a image python3.10-x86_64 []",
            "a image python3.14-x86_64 []"
        ]
    );
}

#[test]
fn a_build_serves_all_memory_sizes_and_a_function_may_have_its_own() {
    let file = "[functions.b]\nmemory = 512\n[matrix]\nmemory = [1769, 1024]\n";
    assert_eq!(all(file), ["a zip python3.13-x86_64 [1024, 1769]", "b zip python3.13-x86_64 [512]"]);
    assert_eq!(all("[defaults]\nmemory = 256"), ["a zip python3.13-x86_64 [256]", "b zip python3.13-x86_64 [256]"]);
}

#[test]
fn rows_take_away_and_then_add() {
    let file = "[matrix]\npython = ['3.12', '3.13']\nmemory = [512, 1024]\n\
                exclude = [{ function = 'a', python = '3.12' }, { function = 'b', memory = 512 }]\n\
                include = [{ function = 'a', python = '3.12', architecture = ['arm64'], memory = 2048 }]\n";
    assert_eq!(
        all(file),
        [
            "a zip python3.12-arm64 [2048]",
            "a zip python3.13-x86_64 [512, 1024]",
            "b zip python3.12-x86_64 [1024]",
            "b zip python3.13-x86_64 [1024]"
        ]
    );
}

#[test]
fn what_the_command_line_names_is_taken_from_the_matrix_or_made() {
    let file =
        "[matrix]\npython = ['3.12', '3.13']\ninclude = [{ function = 'a', python = '3.13', architecture = 'arm64' }]";
    let arm = Selection { architecture: Some(Architecture::Arm64), ..Selection::default() };
    assert_eq!(of(file, &arm)[0], "a zip python3.13-arm64 []");
    assert_eq!(of(file, &arm).iter().filter(|line| !line.starts_with("shared")).count(), 1, "as in the matrix");
    let new = Selection { python: Some("3.14".parse().unwrap()), functions: vec!["b".into()], ..Selection::default() };
    assert_eq!(of(file, &new), ["b zip python3.14-x86_64 []"]);
}

#[test]
fn layers_are_built_for_the_targets_of_their_functions() {
    let file = "[functions.a]\nlayers = ['shared']\n[matrix]\npython = ['3.12', '3.13']\nexclude = [{ function = 'a', python = '3.12' }]\n";
    let lines = of(file, &Selection::default());
    assert_eq!(lines.last().unwrap(), "shared python3.13-x86_64 [\"a\"]");
    assert_eq!(lines.iter().filter(|line| line.starts_with("shared")).count(), 1);
    let (_root, project) = project(file);
    let builds = project.builds(&Selection::default()).unwrap();
    assert_eq!((builds.functions[0].method, builds.functions[1].method), (Method::Layers, Method::Zip));
}

#[test]
fn a_layer_that_no_function_has_is_built_for_the_whole_matrix() {
    let lines = of("[matrix]\npython = ['3.12', '3.13']\n", &Selection::default());
    assert_eq!(lines[4..], ["shared python3.12-x86_64 []", "shared python3.13-x86_64 []"]);
    let one = Selection { functions: vec!["a".into()], ..Selection::default() };
    assert!(of("", &one).iter().all(|line| !line.starts_with("shared")));
}

#[test]
fn two_artifacts_never_have_one_name() {
    let (_root, mut project) = project("[packaging.b-c]\nmethod = 'zip'\n[packaging.c]\nmethod = 'zip'\n");
    let mut member = project.functions["a"].clone();
    member.function.name = "a-b".into();
    project.functions.insert("a-b".into(), member);
    let error = project.builds(&Selection::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a packaged as b-c and a-b packaged as c would both be dist/a-b-c-python3.13-x86_64.zip"
    );
}

#[test]
fn the_packaging_goes_over_the_function_and_the_function_over_the_defaults() {
    let file = "[defaults]\nslim = 'none'\nbytecode = 'only'\ntimeout = 5\nenvironment = { AA = '1', BB = '1' }\n\
                [functions.a]\nslim = 'deep'\nbytecode = 'none'\nenvironment = { BB = '2' }\n\
                [packaging.zip]\nmethod = 'zip'\nbytecode = 'compiled'\n";
    let (_root, project) = project(file);
    let build = project.builds(&Selection::default()).unwrap().functions.remove(0);
    let settings = build.settings;
    assert_eq!((settings.slim, settings.bytecode), (crate::slim::Level::Deep, crate::build::Policy::Compiled));
    assert_eq!(settings.environment, BTreeMap::from([("AA".into(), "1".into()), ("BB".into(), "2".into())]));
    let why: Vec<String> =
        build.why.iter().map(|origin| format!("{} {} {}", origin.setting, origin.value, origin.from)).collect();
    assert_eq!(
        why,
        [
            "slim deep [functions.a]",
            "bytecode compiled [packaging.zip]",
            "timeout 5 s [defaults]",
            "environment AA, BB [defaults]",
            "environment BB [functions.a]"
        ]
    );
}
