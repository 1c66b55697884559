//! Names that AWS takes for what a project is deployed as, with the rules that say so.
//!
//! Sources: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>,
//! <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html> and `API_CreateAlias`,
//! <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html>.

/// The longest name of a function.
pub const FUNCTION_NAME: usize = 64;

/// What a template of function names may have in braces.
pub const PLACEHOLDERS: &[&str] = &["project", "function", "packaging", "method", "python", "architecture", "memory"];

/// A rule for names.
#[derive(Debug)]
pub struct NameRule {
    /// What it is the name of, as the object of a sentence.
    pub what: &'static str,
    /// How such a name looks, as a hint.
    pub looks: &'static str,
    /// The rule as a regular expression, for the schema; it may be wider.
    pub pattern: &'static str,
    /// The rule.
    pub holds: fn(&str) -> bool,
}

/// An S3 bucket.
pub const BUCKET: NameRule = NameRule {
    what: "the name of an S3 bucket",
    looks: "3 to 63 small letters, digits, - and ., a letter or digit at both ends",
    pattern: "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
    holds: is_bucket,
};

/// A repository of ECR; or of any registry, with its host in front.
pub const REPOSITORY: NameRule = NameRule {
    what: "the name of a repository",
    looks: "small letters and digits, with . _ - / between them; a host in front of it names another registry than ECR",
    pattern: "^[a-z0-9]([a-z0-9._:/-]{0,254})$",
    holds: is_repository,
};

/// An IAM role by its ARN.
pub const ROLE: NameRule = NameRule {
    what: "the ARN of an IAM role",
    looks: "arn:aws:iam::123456789012:role/NAME",
    pattern: "^arn:[a-z-]+:iam::[0-9]{12}:role/.+$",
    holds: is_role,
};

/// An alias of a function.
pub const ALIAS: NameRule = NameRule {
    what: "the name of an alias",
    looks: "letters, digits, - and _, and not digits alone",
    pattern: "^[a-zA-Z0-9_-]{1,128}$",
    holds: is_alias,
};

/// A template of function names.
pub const TEMPLATE: NameRule = NameRule {
    what: "a template of function names",
    looks: "letters, digits, - and _, with {project}, {function}, {packaging}, {method}, {python}, {architecture} and {memory}",
    pattern: "^([a-zA-Z0-9_-]|\\{(project|function|packaging|method|python|architecture|memory)\\})+$",
    holds: is_template,
};

fn is_small(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_bucket(name: &str) -> bool {
    let ends = |name: &str| name.bytes().next().is_some_and(is_small) && name.bytes().last().is_some_and(is_small);
    let reserved = name.starts_with("xn--") || name.starts_with("sthree-") || name.ends_with("-s3alias");
    (3..=63).contains(&name.len())
        && ends(name)
        && name.bytes().all(|byte| is_small(byte) || byte == b'-' || byte == b'.')
        && !name.contains("..")
        && !reserved
        && name.parse::<std::net::Ipv4Addr>().is_err()
}

/// The first part of a repository's name, where it is a host.
pub fn host_of(repository: &str) -> Option<&str> {
    let (first, _) = repository.split_once('/')?;
    (first.contains(['.', ':']) || first == "localhost").then_some(first)
}

fn is_repository(name: &str) -> bool {
    let path = host_of(name).map_or(name, |host| &name[host.len() + 1..]);
    let part = |part: &str| {
        let ends = part.bytes().next().is_some_and(is_small) && part.bytes().last().is_some_and(is_small);
        ends && part.bytes().all(|byte| is_small(byte) || matches!(byte, b'.' | b'_' | b'-'))
    };
    let host = host_of(name)
        .is_none_or(|host| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-')));
    (2..=255).contains(&name.len()) && host && path.split('/').all(part)
}

fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [first, partition, service, region, account, resource] = parts[..] else { return false };
    let word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let name = resource.strip_prefix("role/").is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/+=,.@_-".contains(&byte))
    });
    first == "arn" && word(partition) && service == "iam" && region.is_empty() && digits && name
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

fn is_alias(name: &str) -> bool {
    (1..=128).contains(&name.len()) && name.bytes().all(is_name_byte) && !name.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_template(template: &str) -> bool {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { return false };
        if !before.bytes().all(is_name_byte) || !PLACEHOLDERS.contains(&name) {
            return false;
        }
        rest = after;
    }
    !template.is_empty() && rest.bytes().all(is_name_byte)
}

/// The days that `CloudWatch` can keep logs
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>).
pub const LOG_RETENTION: &[u32] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_as_aws_does() {
        let judge = |rule: &NameRule, right: &[&str], wrong: &[&str]| {
            for name in right {
                assert!((rule.holds)(name), "{name} is {}", rule.what);
            }
            for name in wrong {
                assert!(!(rule.holds)(name), "{name} is not {}", rule.what);
            }
        };
        judge(&BUCKET, &["abc", "my-data.2"], &["ab", "A-b", "-ab", "a..b", "192.168.5.4", "xn--abc", &"a".repeat(64)]);
        judge(
            &REPOSITORY,
            &["jobs", "team/jobs", "127.0.0.1:5000/jobs", "localhost/a"],
            &["Jobs", "a//b", "/a", "-a", "a"],
        );
        judge(
            &ROLE,
            &["arn:aws:iam::123456789012:role/x", "arn:aws-cn:iam::123456789012:role/path/x"],
            &["x", "arn:aws:iam::12:role/x", "arn:aws:iam::123456789012:user/x", "arn:aws:iam::123456789012:role/"],
        );
        judge(&ALIAS, &["live", "1a"], &["", "1", "a b"]);
        judge(
            &TEMPLATE,
            &["perf_{method}_{python}_{memory}", "{function}"],
            &["", "a.b", "{", "a}", "{x}", "{function"],
        );
    }

    #[test]
    fn a_host_is_told_from_a_path() {
        assert_eq!(host_of("127.0.0.1:5000/jobs"), Some("127.0.0.1:5000"));
        assert_eq!((host_of("team/jobs"), host_of("jobs")), (None, None));
    }
}
