//! The import test: the handler and every bundled package, imported by the target's own Python as Lambda would.
//!
//! What must stay true: package code runs in a throw-away copy, without network, with Lambda's environment and path
//! order and with nothing of the builder's (no variable, no site-packages, no working directory); each module in a
//! process of its own, so that a crash, a hang or an exit is that module's failure and nobody else's.
//!
//! Path order and environment: <https://docs.aws.amazon.com/lambda/latest/dg/python-package.html> and
//! `configuration-envvars.html` beside it; how the runtime imports a handler: awslambdaric's `bootstrap.py`.

mod copy;
mod environment;
mod failure;
mod findings;
mod modules;
mod place;
mod report;
mod rescue;
mod run;
mod runner;

pub use copy::{RUNTIME, ThrowAway};
pub use failure::{Ending, Failure, Missing, Raised};
pub use findings::{findings, skipped};
pub use modules::{of_files, of_tree};
pub use report::{Report, Rescued, Undecided};
pub use rescue::{Blame, blame, scene};
pub use run::{Imports, Question, run};
pub use runner::{Runner, Unavailable, runner};

/// What the driver is known by in a cache of results: changes with what a test does.
pub const VERSION: u32 = 7;
