//! The environment of a function, as Lambda sets it; nothing of the builder's is in it.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::RUNTIME;
use crate::lambda::Target;

/// Where a path of Lambda is in the copy.
pub(super) fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// Where modules are looked for, in order, one a line; an empty line is Python's own library. An interpreter's packages
/// come after its library, and so does what the runtime ships.
pub(super) fn places(search_path: &[String]) -> String {
    let is_late = |folder: &&String| {
        *folder == RUNTIME
            || (!folder.starts_with("/opt/python")
                && ["/site-packages", "/dist-packages"].iter().any(|name| folder.ends_with(name)))
    };
    let (late, early): (Vec<&String>, Vec<&String>) = search_path.iter().partition(is_late);
    let mut places: Vec<&str> = early.into_iter().map(String::as_str).collect();
    places.push("");
    places.extend(late.into_iter().map(String::as_str).filter(|folder| *folder != RUNTIME));
    places.push(RUNTIME);
    places.join("\n")
}

/// What Lambda's loader looks through, in order.
const LIBRARIES: &[&str] = &["var/runtime", "var/runtime/lib", "var/task", "var/task/lib", "opt/lib"];

/// The variables, without `LD_LIBRARY_PATH`: that is for the function's Python alone.
pub(super) fn variables(
    root: &Path,
    tmp: &Path,
    task: &str,
    target: Target,
    handler: Option<&str>,
) -> Vec<(&'static str, OsString)> {
    let fixed = [
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769"),
        ("AWS_LAMBDA_FUNCTION_NAME", "import-test"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/import-test"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "import-test"),
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("AWS_SESSION_TOKEN", "import-test"),
        ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"),
        ("AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129:2000"),
        ("LANG", "en_US.UTF-8"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"),
        ("TZ", ":UTC"),
    ];
    let mut variables: Vec<_> = fixed.map(|(name, value)| (name, OsString::from(value))).into();
    variables.extend([
        ("AWS_EXECUTION_ENV", format!("AWS_Lambda_python{}", target.python).into()),
        ("HOME", tmp.into()),
        ("LAMBDA_RUNTIME_DIR", root.join("var/runtime").into()),
        ("LAMBDA_TASK_ROOT", below(root, task).into()),
        ("TMPDIR", tmp.into()),
        ("_HANDLER", handler.unwrap_or_default().into()),
    ]);
    variables
}

/// `LD_LIBRARY_PATH`.
pub(super) fn libraries(root: &Path) -> OsString {
    let folders: Vec<OsString> = LIBRARIES.iter().map(|folder| root.join(folder).into()).collect();
    folders.join(&OsString::from(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_the_interpreter_come_after_its_library() {
        let of = |folders: &[&str]| places(&folders.iter().map(|folder| (*folder).to_owned()).collect::<Vec<_>>());
        let layers = "/opt/python/lib/python3.13/site-packages";
        assert_eq!(
            of(&["/var/task", layers, "/opt/python"]),
            format!("/var/task\n{layers}\n/opt/python\n\n/var/runtime")
        );
        assert_eq!(
            of(&["/function", "/opt/venv/lib/python3.13/site-packages", "/var/runtime"]),
            "/function\n\n/opt/venv/lib/python3.13/site-packages\n/var/runtime"
        );
    }
}
