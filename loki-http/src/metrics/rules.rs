//! What is counted of rule groups, under the names of Loki's dashboards.

use loki_core::{Metrics, RuleGroupMetrics};
use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType, Summary};
use prometheus::{CounterVec, GaugeVec, IntGauge, Opts, Registry};

/// A group: the labels `user` and `rule_group`, and what was counted.
struct Row<'m> {
    labels: [String; 2],
    group: &'m RuleGroupMetrics,
}

/// The name of a metric, what it says, and how it is read.
type Column<T> = (&'static str, &'static str, fn(&RuleGroupMetrics) -> T);

const LABELS: [&str; 2] = ["user", "rule_group"];

/// The families of one reading.
pub(super) fn gather(metrics: &Metrics) -> Result<Vec<MetricFamily>, prometheus::Error> {
    let registry = Registry::new();
    let with_rules = metrics.tenants.iter().filter(|tenant| !tenant.rule_groups.is_empty());
    let managers = IntGauge::new("loki_ruler_managers_total", "Tenants that have rules.")?;
    managers.set(i64::try_from(with_rules.clone().count()).unwrap_or(i64::MAX));
    registry.register(Box::new(managers))?;
    let rows = with_rules.flat_map(|tenant| {
        tenant.rule_groups.iter().map(|group| Row {
            // As Prometheus names groups: the file, here the namespace, and the group.
            labels: [
                tenant.tenant.as_str().to_owned(),
                format!("{};{}", group.namespace, group.name),
            ],
            group,
        })
    });
    let rows: Vec<Row<'_>> = rows.collect();
    counters(&registry, &rows)?;
    gauges(&registry, &rows)?;
    let mut families = registry.gather();
    if !rows.is_empty() {
        families.push(summary(
            "loki_prometheus_rule_evaluation_duration_seconds",
            "Seconds of the evaluations of rules.",
            &rows,
            |group| group.evaluations,
        ));
        families.push(summary(
            "loki_prometheus_rule_group_duration_seconds",
            "Seconds of the evaluations of rule groups.",
            &rows,
            |group| group.iterations,
        ));
    }
    Ok(families)
}

fn counters(registry: &Registry, rows: &[Row<'_>]) -> Result<(), prometheus::Error> {
    let counters: [Column<u64>; 4] = [
        ("loki_prometheus_rule_evaluations_total", "Evaluations of rules.", |g| {
            g.evaluations
        }),
        (
            "loki_prometheus_rule_evaluation_failures_total",
            "Evaluations of rules that failed.",
            |g| g.evaluation_failures,
        ),
        (
            "loki_prometheus_rule_group_iterations_total",
            "Evaluations of rule groups, those that were missed among them.",
            |g| g.iterations + g.iterations_missed,
        ),
        (
            "loki_prometheus_rule_group_iterations_missed_total",
            "Evaluations of rule groups that were missed.",
            |g| g.iterations_missed,
        ),
    ];
    for (name, help, value) in counters {
        let family = CounterVec::new(Opts::new(name, help), &LABELS)?;
        for row in rows {
            family
                .get_metric_with_label_values(&row.labels)?
                .inc_by(value(row.group) as f64);
        }
        registry.register(Box::new(family))?;
    }
    Ok(())
}

fn gauges(registry: &Registry, rows: &[Row<'_>]) -> Result<(), prometheus::Error> {
    let gauges: [Column<f64>; 4] = [
        (
            "loki_prometheus_rule_group_interval_seconds",
            "How often a rule group is evaluated.",
            |g| seconds(g.interval.as_nanos()),
        ),
        (
            "loki_prometheus_rule_group_last_duration_seconds",
            "Seconds of the last evaluation of a rule group.",
            |g| seconds(g.last_evaluation_nanos),
        ),
        (
            "loki_prometheus_rule_group_last_evaluation_timestamp_seconds",
            "The time of the last evaluation of a rule group.",
            |g| g.last_evaluation.map_or(0.0, seconds),
        ),
        ("loki_prometheus_rule_group_rules", "Rules of a rule group.", |g| {
            g.rules as f64
        }),
    ];
    for (name, help, value) in gauges {
        let family = GaugeVec::new(Opts::new(name, help), &LABELS)?;
        for row in rows {
            family.get_metric_with_label_values(&row.labels)?.set(value(row.group));
        }
        registry.register(Box::new(family))?;
    }
    Ok(())
}

/// A summary without quantiles: its sum and its count give the average.
fn summary(name: &str, help: &str, rows: &[Row<'_>], count: fn(&RuleGroupMetrics) -> u64) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(MetricType::SUMMARY);
    for row in rows {
        let mut summary = Summary::default();
        summary.set_sample_count(count(row.group));
        summary.set_sample_sum(seconds(row.group.evaluation_nanos));
        let mut metric = Metric::default();
        metric.set_summary(summary);
        // Labels are written in the order of their names.
        let labels = LABELS.iter().zip(&row.labels).rev().map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value(value.clone());
            pair
        });
        metric.set_label(labels.collect());
        family.mut_metric().push(metric);
    }
    family
}

fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}
