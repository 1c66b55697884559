//! A lock reads as it was written, whatever is in it, and text that is no lock is refused with its line.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::lambda::{Architecture, PythonVersion, Target};
use crate::project::{Choice, Requirements};

const DIGEST: &str = "4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274";

fn wheel(name: &str, version: &str, origin: Origin) -> Wheel {
    Wheel { name: name.into(), version: version.into(), origin, requested: false, extras: Vec::new() }
}

fn file(file: &str, place: Place) -> Origin {
    Origin::File { file: file.into(), sha256: DIGEST.into(), place, subdirectory: None }
}

/// A set with everything that a set can have.
fn rich() -> Set {
    let target = Target { python: PythonVersion::DEFAULT, architecture: Architecture::X86_64 };
    let id = SetId { name: "layer:data \"science\"\\é".into(), packaging: Some("layers".into()), target };
    let input = |path: &str| Input { path: path.into(), sha256: DIGEST.into() };
    let source = Origin::File {
        file: "c-1.tar.gz".into(),
        sha256: DIGEST.into(),
        place: Place::Index,
        subdirectory: Some("c".into()),
    };
    let url = "git+ssh://git@host/e.git".to_owned();
    let mut a = wheel("a", "1.0+local", file("a-1.0+local-py3-none-any.whl", Place::Index));
    a.requested = true;
    a.extras = vec!["fast".into(), "s3".into()];
    let wheels = vec![
        a,
        wheel("b", "2", file("b-2-py3-none-any.whl", Place::Url("https://host:8443/b-2-py3-none-any.whl".into()))),
        wheel("c", "1", source),
        wheel("d", "1", file("d-1-py3-none-any.whl", Place::Path("../vendor/d-1-py3-none-any.whl".into()))),
        wheel(
            "e",
            "1",
            Origin::Repository {
                url,
                commit: "0123456789abcdef0123456789abcdef01234567".into(),
                subdirectory: Some("python".into()),
            },
        ),
        wheel("f", "1", Origin::Folder { path: "libs/f".into() }),
    ];
    let choice = Choice { extras: vec!["all".into()], groups: vec!["lambda".into(), "dev \"é\"".into()] };
    Set { id, inputs: vec![input("../common.txt"), input("requirements/app.txt")], choice, added: Vec::new(), wheels }
}

/// A layer of somebody else's with everything that one can have.
fn layer(name: &str, python: &str) -> LockedLayer {
    let one = |name: &str, versioned| InLayer { name: name.into(), version: "1.0".into(), versioned };
    LockedLayer {
        name: name.into(),
        target: Target { python: python.parse().unwrap(), architecture: Architecture::Arm64 },
        arn: "arn:aws:lambda:eu-west-1:123456789012:layer:shared:21".parse().unwrap(),
        sha256: DIGEST.into(),
        packed: 12,
        unpacked: 345,
        distributions: vec![one("a", false), one("b", true)],
    }
}

fn lock_of(sets: Vec<Set>) -> Lock {
    let mut lock = Lock::default();
    for set in sets {
        lock.replace(set);
    }
    lock
}

fn read(text: &str) -> Result<Lock> {
    parse(text, Path::new(FILE))
}

#[test]
fn what_is_written_is_read() {
    let lock = lock_of(vec![rich()]);
    assert_eq!(read(&lock.text()).unwrap(), lock);
    assert_eq!(read(&Lock::default().text()).unwrap(), Lock::default());
}

#[test]
fn bases_are_written_in_order_and_read() {
    let id = |image: &str, architecture| (image.parse().unwrap(), architecture);
    let digest = |text: &str| crate::registry::Digest::of(text.as_bytes());
    let mut lock = lock_of(vec![rich()]);
    lock.replace_base(id("public.ecr.aws/lambda/python:3.13", Architecture::X86_64), digest("a"));
    lock.replace_base(id("localhost:5000/base:1", Architecture::Arm64), digest("b"));
    let text = lock.text();
    assert_eq!(read(&text).unwrap(), lock);
    let base = "\n[[base]]\nimage = \"localhost:5000/base:1\"\narchitecture = \"arm64\"\ndigest = \"sha256:";
    assert!(text.contains(base), "{text}");
    for (old, new, said) in [
        ("localhost:5000/base:1", "localhost:5000/Base:1", "line 25, column 1: "),
        ("localhost:5000/base:1", "user:secret@host/base:1", "line 25, column 1: "),
        ("image = \"localhost:5000/base:1\"", "image = \"base\"", "\"base\" is not how a base is written here"),
        ("arm64", "sparc", "\"sparc\" is no architecture"),
        ("digest = \"sha256:", "digest = \"sha256:0", "64 lower-case hexadecimal digits"),
        (
            "public.ecr.aws/lambda/python:3.13\"\narchitecture = \"x86_64",
            "localhost:5000/base:1\"\narchitecture = \"arm64",
            "is there twice",
        ),
    ] {
        assert!(text.contains(old), "{old}");
        let error = read(&text.replacen(old, new, 1)).unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains("secret"), "{old:?} → {new:?}: {error}");
    }
}

#[test]
fn layers_of_others_are_written_in_order_and_read() {
    let mut lock = lock_of(vec![rich()]);
    for layer in [layer("b", "3.13"), layer("a", "3.13"), layer("a", "3.10")] {
        lock.replace_layer(layer);
    }
    let shown: Vec<String> = lock.layers().iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["a (python3.10-arm64)", "a (python3.13-arm64)", "b (python3.13-arm64)"]);
    let text = lock.text();
    assert_eq!(read(&text).unwrap(), lock);
    let end = format!(
        "\n[[layer]]\nname = \"b\"\npython = \"3.13\"\narchitecture = \"arm64\"\n\
         arn = \"arn:aws:lambda:eu-west-1:123456789012:layer:shared:21\"\nsha256 = \"{DIGEST}\"\npacked = 12\nunpacked = 345\n\
         distributions = [\n    {{ name = \"a\", version = \"1.0\" }},\n    {{ name = \"b\", version = \"1.0\", versioned = true }},\n]\n"
    );
    assert!(text.ends_with(&end), "{text}");
    lock.remove_layer("a", layer("a", "3.10").target);
    assert_eq!(lock.layers().len(), 2);
}

#[test]
fn a_mistake_in_a_layer_of_others_is_named_with_its_line() {
    let mut lock = Lock::default();
    lock.replace_layer(layer("shared", "3.13"));
    let text = lock.text();
    for (old, new, said) in [
        ("name = \"shared\"", "name = \"\"", "line 5, column 1: \"\" is no name of a layer"),
        ("name = \"shared\"", "name = \"shared\"\nurl = \"x\"", "unknown field `url`"),
        ("3.13", "2.7", "line 5, column 1: Lambda runtimes known to pack"),
        (":21", "", "layer:shared has no version"),
        (":21", ":0", "an ARN of a layer looks like"),
        (":shared:", ":../shared:", "an ARN of a layer looks like"),
        (DIGEST, "../../x", "\"../../x\" is no SHA-256"),
        ("packed = 12", "packed = -1", "invalid value"),
        ("packed = 12", "packed = 262144001", "262144001 bytes are more than a layer has"),
        ("\"b\"", "\"a\"", "a is there twice"),
        ("\"b\"", "\"B b\"", "\"B b\" is no name of a distribution"),
        ("\"1.0\"", "\"1.0 --pre\"", "\"1.0 --pre\" is no version"),
    ] {
        assert!(text.contains(old), "{old}");
        let error = read(&text.replacen(old, new, 1)).unwrap_err();
        assert!(error.to_string().contains(said), "{old:?} → {new:?}: {error}");
    }
    let block = text.split_once("\n[[layer]]").unwrap().1;
    let error = read(&format!("{text}\n[[layer]]{block}")).unwrap_err();
    assert!(error.to_string().contains("the layer shared (python3.13-arm64) is there twice"), "{error}");
    let odd = LockedLayer { packed: 1 << 40, ..layer("shared", "3.13") };
    assert!(readable(odd).is_err(), "what could not be read again is not written");
}

#[test]
fn changes_of_a_layer_are_listed() {
    let old = layer("shared", "3.13");
    let mut new = old.clone();
    new.arn.version = Some(22);
    new.distributions[0].version = "2.0".into();
    new.distributions[1].name = "c".into();
    assert_eq!(
        layer_changes(Some(&old), &new),
        [&format!("{} → {}", old.arn, new.arn), "a 1.0 → 2.0", "- b 1.0", "+ c 1.0"]
    );
    assert!(layer_changes(Some(&old), &old).is_empty());
    assert_eq!(layer_changes(None, &old), [format!("+ {}, 345 bytes unpacked", old.arn)]);
}

#[test]
fn the_order_of_making_it_does_not_matter() {
    let named = |name: &str, python: &str, packaging: Option<&str>| {
        let mut set = rich();
        set.id.name = name.into();
        set.id.packaging = packaging.map(str::to_owned);
        set.id.target.python = python.parse().unwrap();
        set
    };
    let sets = [
        named("a", "3.10", None),
        named("a", "3.13", None),
        named("a", "3.10", Some("layers")),
        named("b", "3.10", None),
    ];
    let forward = lock_of(sets.to_vec());
    assert_eq!(forward.text(), lock_of(sets.iter().rev().cloned().collect()).text());
    let ids: Vec<String> = forward.sets().iter().map(|set| set.id.to_string()).collect();
    assert_eq!(
        ids,
        ["a (python3.10-x86_64)", "a (python3.13-x86_64)", "a (layers, python3.10-x86_64)", "b (python3.10-x86_64)"]
    );
    // Someone's merge may leave another order behind: it reads the same.
    let text = forward.text();
    let mut blocks: Vec<&str> = text.split("\n[[set]]\n").collect();
    blocks[1..].reverse();
    assert_eq!(read(&blocks.join("\n[[set]]\n")).unwrap(), forward);
}

/// The text with one thing in it changed, and what is said about it.
#[test]
fn a_mistake_is_named_with_its_line() {
    let text = lock_of(vec![rich()]).text();
    let cases = [
        ("version = 1\n", "version = 2\n", "pack.lock has format 2, and this pack knows 1"),
        ("version = 1\n", "", "missing field `version`"),
        ("version = 1\n", "version = 1\nextra = 2\n", "line 4, column 1: unknown field `extra`"),
        ("python = \"3.13\"", "python = \"3.99\"", "line 5, column 1: Lambda runtimes known to pack: 3.10, "),
        ("\"x86_64\"", "\"sparc\"", "line 5, column 1: \"sparc\" is no architecture"),
        ("name = \"a\"", "name = \"a\", note = \"x\"", "line 17, column 19: unknown field `note`"),
        ("groups = [\"lambda\"", "groups = [\"\"", "line 5, column 1: \"\" is no name of an extra or group"),
        ("name = \"a\"", "name = \"A\"", "line 17, column 5: \"A\" is written \"a\" here"),
        ("name = \"a\"", "name = \"b\"", "line 17, column 5: a-1.0+local-py3-none-any.whl is not b 1.0+local"),
        ("\"1.0+local\"", "\"1.0 --index-url x\"", "line 17, column 5: \"1.0 --index-url x\" is no version"),
        ("\"a-1.0+local-py3-none-any.whl\"", "\"../a-1-py3-none-any.whl\"", "is not a wheel's file name"),
        (
            "\"a-1.0+local-py3-none-any.whl\"",
            "\"a-1.0+local-cp313-cp313-win_amd64.whl\"",
            "does not load in python3.13-x86_64",
        ),
        ("c-1.tar.gz", "../c-1.tar.gz", "line 19, column 5: \"../c-1.tar.gz\" is no name of an archive of sources"),
        (DIGEST, "4721", "line 11, column 5: \"4721\" is no SHA-256 in hexadecimal"),
        ("https://host:8443", "https://user:secret@host", "holds no user name, password or query"),
        ("https://host:8443", "https://host --pre ", "is no URL that a lock can have"),
        ("https://host:8443", "file:///etc", "is no URL that a lock can have"),
        ("libs/f", "/libs/f", "line 22, column 5: \"/libs/f\" is no path from the project's folder"),
        ("libs/f\" }", "libs/f\", commit = \"1\" }", "f is neither a wheel (file, sha256)"),
        ("name = \"f\"", "name = \"e\"", "line 22, column 5: e is there twice"),
        ("wheels = [", "<<<<<<< HEAD\nwheels = [", "line 16, column 9: "),
    ];
    for (old, new, said) in cases {
        assert!(text.contains(old), "{old}");
        let error = read(&text.replacen(old, new, 1)).unwrap_err();
        assert!(error.to_string().contains(said), "{old:?} → {new:?}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(error.hint().is_some());
    }
    let twice =
        text.clone() + text.split_once("\n[[set]]").map(|(_, set)| "\n[[set]]".to_owned() + set).unwrap().as_str();
    assert!(
        read(&twice).unwrap_err().to_string().contains("line 25, column 1: layer:data"),
        "{}",
        read(&twice).unwrap_err()
    );
}

#[test]
fn an_answer_is_kept_and_comes_back() {
    let root = tempfile::tempdir().unwrap();
    let set = rich();
    let answer = to_answer(&set, root.path(), &Requirements::default()).unwrap();
    assert_eq!(set_of(&set.id, set.inputs.clone(), (&set.choice, &set.added), &answer, root.path()).unwrap(), set);
    assert_eq!(answer.items[0].line(), format!("a==1.0+local --hash=sha256:{DIGEST}"));
    assert_eq!(
        answer.items[4].line(),
        "e @ git+ssh://git@host/e.git@0123456789abcdef0123456789abcdef01234567#subdirectory=python"
    );
    // What the versions of an index are pinned to; places pin themselves.
    assert_eq!(pins(&set).into_keys().collect::<Vec<_>>(), ["a", "c"]);
}

#[test]
fn credentials_of_an_answer_stay_out() {
    let root = tempfile::tempdir().unwrap();
    let set = rich();
    let mut answer = to_answer(&set, root.path(), &Requirements::default()).unwrap();
    for item in &mut answer.items {
        let url = item.download_info.url.replace("://git@", "://").replacen("://", "://user:secret@", 1);
        item.download_info.url = if url.starts_with("http") { url + "?token=secret#secret" } else { url };
    }
    // A folder and a file of this machine have no credentials.
    answer.items.retain(|item| !item.download_info.url.contains("file:"));
    let text =
        lock_of(vec![set_of(&set.id, Vec::new(), (&set.choice, &set.added), &answer, root.path()).unwrap()]).text();
    assert!(!text.contains("secret") && !text.contains("user"), "{text}");
}

#[test]
fn a_version_that_could_not_be_read_again_is_not_written() {
    let root = tempfile::tempdir().unwrap();
    let set = rich();
    let mut answer = to_answer(&set, root.path(), &Requirements::default()).unwrap();
    answer.items[5].metadata.version = "2004d-legacy".into();
    let error = set_of(&set.id, Vec::new(), (&set.choice, &set.added), &answer, root.path()).unwrap_err();
    assert!(error.to_string().contains("\"2004d-legacy\" is no version"), "{error}");
}

#[test]
fn changes_are_listed_by_name() {
    let old = rich();
    let mut new = old.clone();
    new.wheels.remove(1);
    new.wheels[0].version = "1.1".into();
    new.wheels[1].requested = true;
    let Origin::File { sha256, .. } = &mut new.wheels[2].origin else { panic!() };
    *sha256 = "0".repeat(64);
    new.wheels.push(wheel("g", "3", Origin::Folder { path: "g".into() }));
    let lines: Vec<String> = changes(Some(&old), Some(&new)).iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "a 1.0+local → 1.1",
            "- b 2",
            "c 1: is required as it is now",
            "d 1: d-1-py3-none-any.whl has other bytes, or is elsewhere",
            "+ g 3",
        ]
    );
    assert!(changes(Some(&old), Some(&old)).is_empty());
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(?s).{0,200}", at in 0usize..2500, cut in 0usize..40) {
        let _ = read(&text);
        // A whole lock with a piece of it replaced comes further.
        let mut whole = lock_of(vec![rich()]);
        whole.replace_layer(layer("shared", "3.13"));
        let whole = whole.text();
        let (mut from, mut to) = (at.min(whole.len()), (at + cut).min(whole.len()));
        while !whole.is_char_boundary(from) { from -= 1; }
        while !whole.is_char_boundary(to) { to += 1; }
        if let Ok(lock) = read(&format!("{}{text}{}", &whole[..from], &whole[to..])) {
            prop_assert_eq!(read(&lock.text()).unwrap(), lock);
        }
    }

    #[test]
    fn any_name_of_a_set_is_written_so_that_it_can_be_read(name in "[^\\p{Cc}]{1,40}") {
        let mut set = rich();
        set.id.name = name;
        let lock = lock_of(vec![set]);
        prop_assert_eq!(read(&lock.text()).unwrap(), lock);
    }
}
