//! `pack cold`.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::account::Account;
use super::{describe, named, print, warn};
use crate::aws::{self, Access};
use crate::deploy::FunctionState;
use crate::error::Result;
use crate::project::Project;

const EXAMPLES: &str = "\
Examples:
  pack cold                       every function of the project
  pack cold jobs-report           one function of Lambda, by its name
  pack cold && pack invoke -n 1 --report
                                  cold starts of all, with their init durations

It changes the variable PACK_COLD_STARTS of each function, which counts how often that was done, keeps all others, and
waits until Lambda has taken it. A version or an alias stays as it is: only what runs $LATEST starts cold.";

/// Make the next invocation of functions a cold start.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Cold {
    /// The name or ARN of a function on Lambda, or a function of the project, then all rows of the matrix that are of it
    /// [default: every function of the project]
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,

    #[command(flatten)]
    account: Account,
}

impl Cold {
    pub(super) fn run(self) -> Result<ExitCode> {
        let (functions, description, access) = self.functions()?;
        let mut status = 0;
        aws::chill(&access, &functions, description.as_deref(), |function, outcome| match outcome {
            Ok(number) => print(&format!("{function}: the next invocation starts cold ({number})\n")),
            Err(error) => {
                status = status.max(error.status());
                warn(&format!("{function}:\n{}", describe(&error)));
                Ok(())
            }
        })?;
        Ok(ExitCode::from(status))
    }

    /// The functions, and how they describe themselves where nobody has named them.
    fn functions(&self) -> Result<(Vec<String>, Option<String>, Access)> {
        let project = Project::load(Path::new(""))?;
        let functions = named::functions(&project, &self.functions, |function| function.name.clone())?;
        let description = self.functions.is_empty().then(|| FunctionState::description(&project.name));
        Ok((functions, description, self.account.access_for(&project)))
    }
}
