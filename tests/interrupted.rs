//! A build that is killed at any moment leaves the artifact absent or whole, and a cache that still serves; two builds
//! at once do not harm each other.
//!
//! The moments are random: a failure prints the seed, which `PACK_TEST_SEED` takes back.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::fs;
use std::thread::sleep;

use support::moments::{self, Random};
use support::{Pack, WheelBuilder};

/// How often the cache begins empty; what killed builds leave in it adds up until then.
const CACHES: u64 = 5;
/// Kills for each: some at any moment of a build, the rest while it writes the artifact.
const KILLS: u64 = 10;

const WHEELS: [&str; 6] = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"];

/// A function that needs wheels large enough for packing them to take a while.
fn project() -> Pack {
    let pack = Pack::new();
    let mut random = Random(7);
    for name in WHEELS {
        let mut wheel = WheelBuilder::new(name, "1.0").file(&format!("{name}/__init__.py"), b"VALUE = 1\n");
        for number in 0..40 {
            let lines: Vec<String> = (0..2_000).map(|line| format!("v{line} = {}\n", random.below(1 << 20))).collect();
            wheel = wheel.file(&format!("{name}/module{number}.py"), lines.concat().as_bytes());
        }
        pack.wheel(&wheel);
    }
    pack
}

/// The function in one of its two versions, which differ in a byte.
fn write_version(pack: &Pack, version: u64) {
    pack.function("app", &format!("VERSION = {version}\n\n\ndef handler(event, context):\n    pass\n"), &WHEELS);
}

/// An uninterrupted build: the artifact's bytes.
fn build(pack: &Pack) -> Vec<u8> {
    let outcome = pack.zip("app").run();
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    fs::read(pack.artifact("app")).unwrap()
}

/// Whether a build has begun to write the artifact beside its target.
fn writes(pack: &Pack) -> impl Fn() -> bool + '_ {
    let left_by_others = Pack::files(&pack.path("dist"));
    move || Pack::files(&pack.path("dist")).iter().any(|file| !left_by_others.contains(file))
}

fn partial(files: &[String]) -> Vec<&String> {
    files.iter().filter(|file| file.ends_with(".partial")).collect()
}

#[test]
fn killed_builds_leave_nothing_broken() {
    let pack = project();
    write_version(&pack, 0);
    let (before_writing, writing) = moments::durations(&pack.zip("app"), writes(&pack));
    let expected = [0, 1].map(|version| {
        write_version(&pack, version);
        build(&pack)
    });
    assert!(expected[0] != expected[1]);

    let seed = moments::seed();
    println!("PACK_TEST_SEED={seed}; a build takes {before_writing:?} until it writes and then {writing:?}");
    let mut random = Random(seed);
    let (mut absent, mut replaced) = (0, 0);
    for _ in 0..CACHES {
        fs::remove_dir_all(pack.cache()).unwrap();
        fs::remove_file(pack.artifact("app")).unwrap();
        let mut before = None;
        for round in 0..KILLS {
            let version = round % 2;
            write_version(&pack, version);
            let anywhere = round % 4 < 2;
            let run = pack.zip("app");
            let child = if anywhere { moments::start(&run) } else { moments::start_until(&run, writes(&pack)) };
            sleep(random.within(if anywhere { before_writing + writing } else { writing }));
            moments::kill(child);
            let now = fs::read(pack.artifact("app")).ok();
            let new = &expected[usize::try_from(version).unwrap()];
            assert!(now == before || now.as_ref() == Some(new), "broken by kill {round}");
            absent += u64::from(now.is_none());
            replaced += u64::from(now != before);
            before = now;
        }
        write_version(&pack, 0);
        assert!(build(&pack) == expected[0], "the cache gave another artifact");
        assert_eq!(
            Pack::files(&pack.path("dist")),
            ["app-python3.13-x86_64.zip", "app-python3.13-x86_64.zip.pack.json"]
        );
        assert_eq!(partial(&Pack::files(&pack.cache())), [""; 0]);
    }
    println!("after {} kills: {absent} times no artifact, {replaced} times a new one", CACHES * KILLS);
}

#[test]
fn two_builds_at_once_both_succeed() {
    let pack = project();
    write_version(&pack, 0);
    let expected = build(&pack);
    for _ in 0..3 {
        fs::remove_dir_all(pack.cache()).unwrap();
        fs::remove_file(pack.artifact("app")).unwrap();
        let outcomes = std::thread::scope(|scope| {
            let runs = [(); 2].map(|()| scope.spawn(|| pack.zip("app").run()));
            runs.map(|run| run.join().unwrap())
        });
        for outcome in outcomes {
            assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        }
        assert!(fs::read(pack.artifact("app")).unwrap() == expected, "the artifact is not whole");
        assert_eq!(
            Pack::files(&pack.path("dist")),
            ["app-python3.13-x86_64.zip", "app-python3.13-x86_64.zip.pack.json"]
        );
        assert_eq!(partial(&Pack::files(&pack.cache())), [""; 0]);
        assert_eq!(fs::read_dir(pack.cache().join("tmp")).unwrap().count(), 0);
    }
}
