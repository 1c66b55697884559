//! Which of several wheels an installer prefers for a target.
//! Source: <https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/>; the order is that of pip.

use super::WheelFilename;
use crate::lambda::Target;

/// The first minor version of Python 3 that has the stable ABI.
const FIRST_ABI3: u8 = 2;

/// Every tag that a target takes, best first.
pub fn accepted(target: Target) -> Vec<(String, String, String)> {
    let minor = target.python.minor();
    let platforms = target.platform_tags();
    let own = format!("cp3{minor}");
    let mut tags = Vec::new();
    let mut on_each_platform = |python: &str, abi: &str| {
        tags.extend(platforms.iter().map(|platform| (python.to_owned(), abi.to_owned(), platform.clone())));
    };
    for abi in [own.as_str(), "abi3", "none"] {
        on_each_platform(&own, abi);
    }
    for older in (FIRST_ABI3..minor).rev() {
        on_each_platform(&format!("cp3{older}"), "abi3");
    }
    let pure: Vec<String> = [format!("py3{minor}"), "py3".into()]
        .into_iter()
        .chain((0..minor).rev().map(|older| format!("py3{older}")))
        .collect();
    for python in &pure {
        on_each_platform(python, "none");
    }
    tags.extend([own].into_iter().chain(pure).map(|python| (python, "none".into(), "any".into())));
    tags
}

/// The wheel that an installer takes, if one fits: by tag, then by build number.
pub fn best<'a, T>(
    wheels: impl IntoIterator<Item = (&'a WheelFilename, T)>,
    tags: &[(String, String, String)],
) -> Option<T> {
    let rank = |wheel: &WheelFilename| {
        let has = |set: &str, tag: &str| set.split('.').any(|one| one == tag);
        tags.iter().position(|(python, abi, platform)| {
            has(&wheel.python, python) && has(&wheel.abi, abi) && has(&wheel.platform, platform)
        })
    };
    wheels
        .into_iter()
        .filter_map(|(wheel, value)| Some(((rank(wheel)?, std::cmp::Reverse(wheel.build_number())), value)))
        .min_by(|left, right| left.0.cmp(&right.0))
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::Architecture;

    fn choose(python: &str, names: &[&'static str]) -> Option<&'static str> {
        let target = Target { python: python.parse().unwrap(), architecture: Architecture::X86_64 };
        let wheels: Vec<(WheelFilename, &str)> = names.iter().map(|name| (name.parse().unwrap(), *name)).collect();
        best(wheels.iter().map(|(wheel, name)| (wheel, *name)), &accepted(target))
    }

    #[test]
    fn the_best_wheel_is_what_pip_takes() {
        let (old, new) = ("a-1-cp313-cp313-manylinux2014_x86_64.whl", "a-1-cp313-cp313-manylinux_2_28_x86_64.whl");
        let (stable, pure) = ("a-1-cp38-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "a-1-py3-none-any.whl");
        let (arm, free) = ("a-1-cp313-cp313-manylinux_2_28_aarch64.whl", "a-1-cp313-cp313t-manylinux_2_28_x86_64.whl");
        assert_eq!(choose("3.13", &[pure, old, stable, new, arm, free]), Some(new));
        assert_eq!(choose("3.13", &[pure, stable]), Some(stable));
        assert_eq!(choose("3.11", &[old, stable, pure]), Some(stable));
        assert_eq!(choose("3.13", &[arm, free, "a-1-cp313-cp313-manylinux_2_39_x86_64.whl"]), None);
        assert_eq!(choose("3.11", &["a-1-cp311-cp311-manylinux_2_28_x86_64.whl"]), None, "glibc 2.26");
        assert_eq!(
            choose("3.13", &["a-1-py2.py3-none-any.whl", "a-1-2-py3-none-any.whl"]),
            Some("a-1-2-py3-none-any.whl")
        );
        assert_eq!(
            choose("3.13", &["a-1-9-py3-none-any.whl", "a-1-10x-py3-none-any.whl"]),
            Some("a-1-10x-py3-none-any.whl")
        );
    }
}
