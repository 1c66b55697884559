//! What others say of the size of an artifact: `unzip -l` and `du`.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::Pack;

/// The report on an artifact, as JSON; asserts that its parts, kinds and files add up to what others count.
pub(crate) fn report(pack: &Pack, artifact: &str) -> Value {
    let whole = pack.command(["report", artifact, "--format", "json"]).run().json(0);
    let report = whole["artifacts"][0].clone();
    let sum = |list: &str, key: &str| {
        report[list].as_array().unwrap().iter().map(|one| one[key].as_u64().unwrap()).sum::<u64>()
    };
    let unpacked = report["unpacked"].as_u64().unwrap();
    let overhead = report["overhead"]["unpacked"].as_u64().unwrap();
    for list in ["parts", "kinds", "entries"] {
        assert_eq!(sum(list, "unpacked") + overhead, unpacked, "{list} of {artifact}");
    }
    let files = report["files"].as_u64().unwrap();
    assert_eq!(report["entries"].as_array().unwrap().len() as u64, files);
    assert_eq!((sum("parts", "files"), sum("kinds", "files")), (files, files));
    let path = pack.path(artifact);
    if path.is_file() && artifact.ends_with(".zip") {
        assert_eq!(overhead, 0, "a ZIP's files are all that it unpacks to");
        let headers = report["overhead"]["packed"].as_u64().unwrap();
        let length = std::fs::metadata(&path).unwrap().len();
        assert_eq!(sum("parts", "packed") + headers, length, "{artifact}");
        assert_eq!(report["packed"].as_u64(), Some(length));
        assert_eq!(unzip_says(&path), (unpacked, files), "{artifact}");
    } else if path.is_dir() && report["kind"] == "folder" {
        assert_eq!(du_says(&path), unpacked, "{artifact}");
    }
    report
}

/// Bytes and files in the last line of `unzip -l`, folders aside.
fn unzip_says(zip: &Path) -> (u64, u64) {
    let output = Command::new("unzip").arg("-l").arg(zip).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = text.lines().last().unwrap().split_whitespace().collect::<Vec<_>>();
    let folders = text.lines().filter(|line| line.ends_with('/')).count() as u64;
    (last[0].parse().unwrap(), last[1].parse::<u64>().unwrap() - folders)
}

/// `du --apparent-size` of every file, without the folders themselves.
pub(crate) fn du_says(folder: &Path) -> u64 {
    let mut find =
        Command::new("find").arg(folder).args(["-type", "f", "-print0"]).stdout(Stdio::piped()).spawn().unwrap();
    let du = Command::new("du")
        .args(["--apparent-size", "--block-size=1", "--count-links", "--total", "--files0-from=-"])
        .stdin(find.stdout.take().unwrap())
        .output()
        .unwrap();
    assert!(find.wait().unwrap().success() && du.status.success());
    let text = String::from_utf8(du.stdout).unwrap();
    text.lines().last().unwrap().split_whitespace().next().unwrap().parse().unwrap()
}
