//! The dashboard: what the published comparison showed, for the functions of the project.
//!
//! Durations, invocations and concurrency are metrics of Lambda. Cold starts and init durations are in no metric: they are in the
//! REPORT lines of the logs, which `CloudWatch` Logs Insights reads. How long modules take to load is a metric of the functions' own
//! (`LoadTime_…`, as functions/workload has it through Powertools). A text says whose dashboard it is, since it takes no tags.
//! Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html>.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::desired::Function;
use super::names::Names;
use super::{PROJECT_TAG, Place};

const WIDTH: u32 = 24;
const HEIGHT: u32 = 7;

/// What a search expression may have (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html>), with room for the rest of it.
const SEARCH_CHARACTERS: usize = 800;

/// The most log groups of one query of Logs Insights.
const QUERY_LOG_GROUPS: usize = 50;

/// The line by which a dashboard is known to be a project's.
pub fn marker(project: &str) -> String {
    format!("`{PROJECT_TAG}={project}`")
}

/// The dashboard's body.
pub(super) fn body(project: &str, place: &Place, names: &Names, functions: &[Function]) -> Value {
    let mut board = Board { place, widgets: Vec::new(), y: 0 };
    let text =
        format!("# {project}\nDeployed by pack; functions behind the queue `{}`. {}", names.queue, marker(project));
    board.add(WIDTH, 2, |_| json!({ "type": "text", "properties": { "markdown": text } }));
    let of_lambda = |metric: &str, statistic: &str| -> Vec<Value> {
        let line = |function: &Function| json!(["AWS/Lambda", metric, "FunctionName", function.name, { "stat": statistic, "label": function.name }]);
        functions.iter().map(line).collect()
    };
    for (title, statistic) in
        [("Duration, p99", "p99"), ("Duration, maximum", "Maximum"), ("Duration, average", "Average")]
    {
        board.metrics(title, &of_lambda("Duration", statistic));
    }
    board.metrics("Invocations", &of_lambda("Invocations", "Sum"));
    board.metrics("Concurrent executions", &of_lambda("ConcurrentExecutions", "Maximum"));
    board.metrics("Errors", &of_lambda("Errors", "Sum"));
    for (title, query) in [
        (
            "Cold starts",
            "filter @type = \"REPORT\" and ispresent(@initDuration) | stats count(@initDuration) as cold_starts by @log | sort @log asc",
        ),
        (
            "Init duration by function (ms)",
            "filter @type = \"REPORT\" and ispresent(@initDuration) | stats pct(@initDuration, 99) as p99, max(@initDuration) as maximum, \
             avg(@initDuration) as average, min(@initDuration) as minimum by @log | sort @log asc",
        ),
    ] {
        for part in functions.chunks(QUERY_LOG_GROUPS) {
            board.query(title, part, query);
        }
    }
    let mut by_packaging: BTreeMap<&str, Vec<&Function>> = BTreeMap::new();
    for function in functions {
        by_packaging.entry(&function.row.packaging).or_default().push(function);
    }
    for (packaging, functions) in by_packaging {
        let title = format!("Module load times, {packaging} (average, ms)");
        board.metrics(&title, &load_times(&functions));
    }
    json!({ "start": "-PT3H", "widgets": board.widgets })
}

struct Board<'a> {
    place: &'a Place,
    widgets: Vec<Value>,
    y: u32,
}

impl Board<'_> {
    fn add(&mut self, width: u32, height: u32, widget: impl FnOnce(&Place) -> Value) {
        let mut widget = widget(self.place);
        for (key, value) in [("x", 0), ("y", self.y), ("width", width), ("height", height)] {
            widget[key] = json!(value);
        }
        self.widgets.push(widget);
        self.y += height;
    }

    fn metrics(&mut self, title: &str, metrics: &[Value]) {
        self.add(WIDTH, HEIGHT, |place| {
            json!({
                "type": "metric",
                "properties": {
                    "title": title,
                    "region": place.region,
                    "view": "timeSeries",
                    "period": 300,
                    "metrics": metrics,
                },
            })
        });
    }

    fn query(&mut self, title: &str, functions: &[Function], query: &str) {
        let sources = functions.iter().map(|function| format!("SOURCE '{}'", function.log_group_name()));
        let sources = sources.collect::<Vec<_>>().join(" | ");
        self.add(WIDTH, HEIGHT, |place| {
            json!({
                "type": "log",
                "properties": {
                    "title": title,
                    "region": place.region,
                    "view": "table",
                    "query": format!("{sources} | {query}"),
                },
            })
        });
    }
}

/// Searches for the metrics of some functions, as many in one as it takes.
fn load_times(functions: &[&Function]) -> Vec<Value> {
    let mut searches: Vec<(String, String)> = Vec::new();
    for function in functions {
        let namespace = function.state.environment.get("POWERTOOLS_METRICS_NAMESPACE").cloned().unwrap_or_default();
        let name = format!("\"{}\"", function.name);
        match searches.last_mut() {
            Some((of, names)) if *of == namespace && names.len() + name.len() < SEARCH_CHARACTERS => {
                names.push_str(" OR ");
                names.push_str(&name);
            }
            _ => searches.push((namespace, name)),
        }
    }
    let search = |(namespace, names): &(String, String)| {
        let expression = format!(
            "SEARCH('{{\"{namespace}\",function_name,service}} LoadTime function_name=({names})', 'Average', 300)"
        );
        json!([{ "expression": expression }])
    };
    searches.iter().map(search).collect()
}
