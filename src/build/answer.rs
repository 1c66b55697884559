//! Which wheels a build takes: pip's answer, with its last answer as a head start.
//!
//! Where pip has answered the same question before, the build starts from that answer while pip is asked again; if pip
//! now says something else, what was made is dropped. What must stay true: nothing that pip did not confirm gets out.

use std::panic::resume_unwind;
use std::time::Instant;

use super::BuildPlan;
use crate::cache::Cache;
use crate::error::Result;
use crate::progress::Progress;
use crate::python::interpreter::Interpreters;
use crate::resolve::{self, Answer};

/// Makes something of the answer; it may be made twice, and the first is dropped then.
pub(super) fn with<T>(
    build: &BuildPlan,
    python: &Interpreters,
    cache: &Cache,
    progress: &mut Progress,
    make: impl Fn(&Answer, &mut Progress) -> Result<T>,
) -> Result<T> {
    let ask = || resolve::ask(&python.pip, build.target, &build.requirements, cache, build.offline);
    // An answer is remembered once its wheels have proved good.
    let confirmed = |answer: &Answer, progress: &mut Progress| {
        let result = make(answer, progress)?;
        resolve::remember(answer, &build.requirements, build.target, cache)?;
        Ok(result)
    };
    let Some(expected) = resolve::recall(&build.requirements, build.target, cache) else {
        let answer = progress.phase("resolve", |_| ask())?;
        return confirmed(&answer, progress);
    };
    let (answer, early) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let start = Instant::now();
            (ask(), start.elapsed())
        });
        let early = make(&expected, progress);
        let (answer, time) =
            progress.phase("wait for pip", |_| asking.join().unwrap_or_else(|panic| resume_unwind(panic)));
        progress.add("resolve (meanwhile)", time);
        (answer, early)
    });
    let answer = answer?;
    if answer.without_urls().as_ref() == Some(&expected) {
        return early;
    }
    drop(early);
    confirmed(&answer, progress)
}
