//! The dashboard. It takes no tags; a text in it says whose it is.

use serde_json::Value;

use super::{Clients, Tags};
use crate::deploy::{Call, DashboardState, Found, Owner, dashboard_marker};
use crate::error::{Error, Result};

pub(super) async fn read(aws: &Clients, name: &str, project: &str) -> Result<Option<Found>> {
    let request = aws.cloudwatch.get_dashboard().dashboard_name(name).send();
    let Some(answer) = aws.ask(Call::GetDashboard, &arn(aws, name), request).await? else { return Ok(None) };
    let text = answer.dashboard_body().unwrap_or_default();
    let owner = if text.contains(&dashboard_marker(project)) {
        Owner::Ours
    } else {
        Owner::Other(format!("nothing in it says {}", dashboard_marker(project)))
    };
    let body = serde_json::from_str(text).unwrap_or(Value::Null);
    Ok(Some(Found::of(owner, &DashboardState { body }, Tags::new())))
}

fn arn(aws: &Clients, name: &str) -> String {
    format!("arn:{}:cloudwatch::{}:dashboard/{name}", aws.place.partition, aws.place.account)
}

pub(super) async fn put(aws: &Clients, name: &str, state: &DashboardState) -> Result<()> {
    let request = aws.cloudwatch.put_dashboard().dashboard_name(name).dashboard_body(state.body.to_string()).send();
    let answer = aws.call(Call::PutDashboard, &arn(aws, name), request).await?;
    match answer.dashboard_validation_messages().iter().find_map(|message| message.message()) {
        Some(message) => {
            Err(Error::aws(format!("CloudWatch does not show the dashboard: {message}"), "please report it"))
        }
        None => Ok(()),
    }
}

pub(super) async fn delete(aws: &Clients, name: &str) -> Result<()> {
    let request = aws.cloudwatch.delete_dashboards().dashboard_names(name).send();
    aws.ask(Call::DeleteDashboards, &arn(aws, name), request).await.map(drop)
}
