//! What an account has room for.

use super::{Clients, odd};
use crate::deploy::{Call, CodeStorage};
use crate::error::Result;

pub(super) async fn code_storage(aws: &Clients) -> Result<CodeStorage> {
    let answer = aws.call(Call::GetAccountSettings, "*", aws.lambda.get_account_settings().send()).await?;
    let limit = answer.account_limit().and_then(|limit| u64::try_from(limit.total_code_size()).ok());
    let used = answer.account_usage().and_then(|usage| u64::try_from(usage.total_code_size()).ok());
    let (limit, used) = limit.filter(|limit| *limit > 0).zip(used).ok_or_else(|| odd("a limit", "code storage"))?;
    Ok(CodeStorage { limit, used })
}
