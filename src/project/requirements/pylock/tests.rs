use proptest::prelude::*;

use super::*;
use crate::lambda::Architecture;

const HASH: &str = "4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274";

fn read(text: &str, extras: &[&str], groups: &[&str]) -> Result<Locked> {
    let text = text.replace("HASH", HASH);
    let path = Path::new("/srv/pylock.toml");
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let choice = Choice { extras: owned(extras), groups: owned(groups) };
    let target = Target { python: "3.13".parse().unwrap(), architecture: Architecture::X86_64 };
    lines(path, &document::parse_toml(path, &text)?, &choice, target)
}

fn package(text: &str) -> String {
    format!("lock-version = '1.0'\n[[packages]]\n{text}")
}

#[test]
fn the_wheel_that_fits_best_is_taken_by_its_hash() {
    let text = package(
        "name = 'Num_Py'\nversion = '2.0'\nindex = 'https://pypi.org/simple'\nsdist = {url = 'https://h/num_py-2.0.tar.gz', hashes = {sha256 = 'aa'}}\n\
         wheels = [{url = 'https://h/num_py-2.0-cp313-cp313-manylinux_2_39_x86_64.whl', hashes = {sha256 = 'bb'}},\
         {url = 'https://h/num_py-2.0-cp313-cp313-manylinux_2_28_x86_64.whl#x', hashes = {sha256 = 'CC', sha512 = 'dd'}},\
         {name = 'num_py-2.0-py3-none-any.whl', url = 'https://h/x', hashes = {sha256 = 'ee'}}]",
    );
    let locked = read(&text, &[], &[]).unwrap();
    assert_eq!(locked.hashed, ["num-py==2.0 --hash=sha256:cc"]);
    assert!(locked.options.is_empty() && locked.unhashed.is_empty());
}

#[test]
fn sources_folders_repositories_and_archives_are_named() {
    let cases = [
        ("version = '1'\nsdist = {url = 'https://h/a-1.tar.gz', hashes = {sha512 = 'aa'}}", "a==1 --hash=sha512:aa"),
        ("archive = {url = 'https://h/a.zip', hashes = {sha256 = 'aa'}}", "a @ https://h/a.zip --hash=sha256:aa"),
        (
            "archive = {path = 'x/a b.zip', subdirectory = 's', hashes = {sha256 = 'aa'}}",
            "a @ file:///srv/x/a%20b.zip#subdirectory=s --hash=sha256:aa",
        ),
        (
            "version = '1'\nwheels = [{path = 'w/a-1-py3-none-any.whl', hashes = {sha256 = 'aa'}}]",
            "a @ file:///srv/w/a-1-py3-none-any.whl --hash=sha256:aa",
        ),
    ];
    for (text, line) in cases {
        let locked = read(&package(&format!("name = 'a'\n{text}")), &[], &[]).unwrap();
        assert_eq!(locked.hashed, [line]);
    }
    let cases = [
        ("directory = {path = 'libs/a', editable = true}", "a @ file:///srv/libs/a"),
        ("directory = {path = '.', subdirectory = 'b'}", "a @ file:///srv/b"),
        (
            "vcs = {type = 'git', url = 'https://h/a.git', commit-id = 'abc', subdirectory = 'b'}",
            "a @ git+https://h/a.git@abc#subdirectory=b",
        ),
    ];
    for (text, line) in cases {
        let locked = read(&package(&format!("name = 'a'\n{text}")), &[], &[]).unwrap();
        assert_eq!(locked.unhashed, [line]);
    }
}

#[test]
fn markers_extras_and_groups_choose() {
    let wheel =
        |name: &str| format!("wheels = [{{url = 'https://h/{name}-1-py3-none-any.whl', hashes = {{sha256 = 'aa'}}}}]");
    let mut text =
        "lock-version = '1.0'\nextras = ['S3']\ndependency-groups = ['dev', 'main']\ndefault-groups = ['main']\n"
            .to_owned();
    for (name, marker) in [
        ("a", "'main' in dependency_groups"),
        ("b", "'s3' in extras"),
        ("c", "'dev' in dependency_groups"),
        ("d", "sys_platform == 'win32'"),
    ] {
        text.extend([
            "[[packages]]\nname = '",
            name,
            "'\nversion = '1'\nmarker = \"",
            marker,
            "\"\n",
            &wheel(name),
            "\n",
        ]);
    }
    let names = |extras: &[&str], groups: &[&str]| {
        let locked = read(&text, extras, groups).unwrap();
        locked.hashed.iter().map(|line| line[..1].to_owned()).collect::<String>()
    };
    assert_eq!(names(&[], &[]), "a");
    assert_eq!(names(&["s3"], &["Dev"]), "abc");
    let error = read(&text, &["s4"], &[]).unwrap_err();
    assert_eq!(error.to_string(), "/srv/pylock.toml: it has no extra \"s4\"");
    assert_eq!(error.hint().unwrap(), "its extras: S3");
}

#[test]
fn an_index_of_the_locks_own_is_asked_too() {
    let text = package(
        "name = 'a'\nversion = '1'\nindex = 'https://private/simple'\nwheels = [{url = 'https://h/a-1-py3-none-any.whl', hashes = {sha256 = 'aa'}}]",
    );
    assert_eq!(read(&text, &[], &[]).unwrap().options, ["--extra-index-url https://private/simple"]);
}

#[test]
fn what_does_not_serve_says_why() {
    let wheel = "wheels = [{url = 'https://h/a-1-py3-none-any.whl', hashes = {sha256 = 'aa'}}]";
    let cases = [
        ("lock-version = '2.0'".to_owned(), "lock-version is \"2.0\""),
        (String::new(), "missing field `lock-version`"),
        ("lock-version = '1.0'\nrequires-python = '>=3.14'".into(), "requires-python is \">=3.14\""),
        (
            "lock-version = '1.0'\nenvironments = [\"sys_platform == 'darwin'\"]".into(),
            "locked for other environments than python3.13-x86_64: sys_platform",
        ),
        ("lock-version = '1.0'\nenvironments = ['what']".into(), "the marker of environments cannot be read"),
        (package("name = 'a'\nversion = '1'\nmarker = 'x'"), "the marker of a cannot be read"),
        (package("name = 'a b'\nversion = '1'"), "a name that is none"),
        (package(&format!("name = 'a'\n{wheel}")), "a has no version"),
        (package(&format!("name = 'a'\nversion = '1 --pre'\n{wheel}")), "a has no version"),
        (package("name = 'a'\nversion = '1'"), "no wheel of a==1 fits python3.13-x86_64"),
        (package("name = 'a'\nversion = '1'\nwheels = [{url = 'https://h/a.whl'}]"), "a wheel whose file name is none"),
        (
            package(
                "name = 'a'\nversion = '1'\nwheels = [{url = 'https://h/a-1-py3-none-any.whl', hashes = {md5 = 'aa'}}]",
            ),
            "without a hash that pip takes",
        ),
        (
            package(
                "name = 'a'\nversion = '1'\nwheels = [{url = 'https://h/a-1-py3-none-any.whl', hashes = {sha256 = 'aa -r x'}}]",
            ),
            "without a hash that pip takes",
        ),
        (
            package("name = 'a'\narchive = {url = 'https://h/a.zip --pre', hashes = {sha256 = 'aa'}}"),
            "a URL that is none",
        ),
        (
            package("name = 'a'\nvcs = {type = 'git', url = 'https://h/a', commit-id = 'a b'}"),
            "a repository or commit that is none",
        ),
        (package(&format!("name = 'a'\nversion = '1'\nrequires-python = '<3.13'\n{wheel}")), "a requires Python <3.13"),
        (
            package(&format!("name = 'a'\nversion = '1'\n{wheel}\n[[packages]]\nname = 'A'\nversion = '1'\n{wheel}")),
            "has a twice",
        ),
    ];
    for (text, message) in cases {
        let error = read(&text, &[], &[]).unwrap_err();
        assert!(error.to_string().contains(message), "{text}: {error}");
        assert!(error.hint().is_some(), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}") {
        let _ = read(&text, &[], &[]);
        for form in ["name = TEXT", "name = 'a'\nversion = TEXT", "name = 'a'\nmarker = TEXT", "name = 'a'\nversion = '1'\nrequires-python = TEXT",
            "name = 'a'\nversion = '1'\nwheels = [{name = TEXT}]", "name = 'a'\nversion = '1'\nwheels = [{url = TEXT}]", "name = 'a'\ndirectory = {path = TEXT}"] {
            let _ = read(&package(&form.replace("TEXT", &format!("{text:?}"))), &[], &[]);
        }
    }

    /// Whatever a lock holds, a line for pip names one distribution and its hash, and no option comes out of it.
    #[test]
    fn no_part_becomes_an_option(text in "[a-z ;#@:/\\\\\n-]{0,20}") {
        for form in ["name = TEXT\nversion = '1'\nWHEEL", "name = 'a'\nversion = TEXT\nWHEEL", "name = 'a'\narchive = {url = TEXT, hashes = {sha256 = 'aa'}}",
            "name = 'a'\ndirectory = {path = TEXT}", "name = 'a'\nversion = '1'\nindex = TEXT\nWHEEL"] {
            let wheel = "wheels = [{url = 'https://h/a-1-py3-none-any.whl', hashes = {sha256 = 'aa'}}]";
            let text = package(&form.replace("TEXT", &serde_json::to_string(&text).unwrap()).replace("WHEEL", wheel));
            if let Ok(locked) = read(&text, &[], &[]) {
                let lines = locked.hashed.iter().chain(&locked.unhashed);
                for line in lines {
                    prop_assert!(!line.contains('\n') && line.starts_with(|c: char| c.is_ascii_alphanumeric()), "{}", line);
                    prop_assert_eq!(line.matches(" -").count(), usize::from(line.contains(" --hash=")), "{}", line);
                }
                for option in &locked.options {
                    prop_assert!(option.matches(' ').count() == 1 && !option.contains('\n'), "{}", option);
                }
            }
        }
    }
}
