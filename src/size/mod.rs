//! How large an artifact is, by whom, against Lambda's limits.

mod amount;
mod budgets;
mod bytes;
mod record;
mod report;
mod shown;
mod text;
mod verdict;

pub use amount::Amount;
pub use budgets::{Budget, Budgets, Key};
pub use bytes::{exact, human};
pub use record::Record;
pub use report::{Removed, Resolved, SizeReport};
pub use shown::shown;
pub use verdict::{Growth, Measured, OwnLayer, SizedPart, Sizes, Verdict};
