//! `/metrics` for Prometheus, and the probes. Values are read from the process at each scrape; nothing is kept here.

use crate::shapes::{ModelPhase, SourcesView, Summary};
use crate::{AppState, Problem};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics::{counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::PrometheusBuilder;
use record::{Counters, HealthLevel};
use serde::Deserialize;
use utoipa::IntoParams;

/// All metrics in Prometheus' text form.
#[utoipa::path(get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "Prometheus text format", body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(State(state): State<AppState>) -> Result<Response, Problem> {
    let streams = state.hub.readers();
    let door = state.auth.counters();
    let text = state
        .blocking(move |_, live| {
            let mut counters = live.counters();
            for (name, n) in door {
                counters.add(name, n);
            }
            let values = Values { gauges: live.gauges(), stability: live.feature_stability(), streams };
            Ok(render(&live.summary(), &counters, &live.sources(), &values))
        })
        .await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// What goes up and down.
struct Values {
    gauges: Vec<(String, f64)>,
    stability: Vec<(String, f64)>,
    streams: usize,
}

fn render(summary: &Summary, counters: &Counters, sources: &SourcesView, values: &Values) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    ::metrics::with_local_recorder(&recorder, || {
        describe();
        set(summary, counters, values);
        set_sources(sources);
        set_exporters(sources);
    });
    handle.render()
}

fn describe() {
    for (name, text) in [
        ("tripline_packets_total", "Packets decoded."),
        ("tripline_bytes_total", "Bytes on the wire of packets decoded."),
        ("tripline_flows_total", "Flows reported."),
        ("tripline_flows_anomalous_total", "Flows judged anomalous."),
        ("tripline_dropped_total", "Things dropped at a bound, by reason."),
        ("tripline_decode_errors_total", "Packets not decoded to the end, by kind."),
        ("tripline_source_packets_total", "Packets, datagrams or lines read, by source."),
        ("tripline_source_bytes_total", "Bytes read, by source."),
        ("tripline_source_dropped_total", "Packets dropped before they were read, by source."),
        ("tripline_source_unreadable_total", "What came and could not be read, by source."),
        ("tripline_exporter_datagrams_total", "Datagrams of flow exports, by exporter."),
        ("tripline_exporter_flows_total", "Flows told, by exporter."),
        ("tripline_exporter_missing_total", "Missing by sequence numbers, in the format's unit, by exporter."),
        ("tripline_exporter_sets_without_template_total", "Data sets whose template has not come, by exporter."),
        ("tripline_exporter_unreadable_total", "Parts of exports that could not be read, by exporter."),
        ("tripline_events_total", "Other counters of the process, by name."),
    ] {
        describe_counter!(name, text);
    }
    for (name, text) in [
        ("tripline_build_info", "1, with the version as a label."),
        ("tripline_start_time_seconds", "Start of the process since the epoch."),
        ("tripline_lag_seconds", "How far judging is behind the traffic: the largest of the last 5 seconds."),
        ("tripline_source_running", "1 while something comes or has come from it and it has not ended, by source."),
        ("tripline_source_idle_seconds", "For how long nothing has come, by source."),
        ("tripline_source_lag_seconds", "From an event to its verdict, the largest of the last seconds, by source."),
        ("tripline_hosts", "Addresses seen."),
        ("tripline_incidents_open", "Incidents that are open."),
        ("tripline_model_ready", "1 when the models judge."),
        ("tripline_model_progress_ratio", "Progress of learning."),
        ("tripline_live_streams", "Open live streams."),
        ("tripline_health", "0 ok or information, 1 warning, 2 error, by item."),
        (
            "tripline_feature_stability_index",
            "Population stability index of a feature, live flows against those learned: 0.1 moderate, 0.25 shifted.",
        ),
        ("tripline_value", "Other values of the process, by name."),
    ] {
        describe_gauge!(name, text);
    }
}

fn set(summary: &Summary, counters: &Counters, values: &Values) {
    let totals = &summary.totals;
    counter!("tripline_packets_total").absolute(totals.packets);
    counter!("tripline_bytes_total").absolute(totals.bytes);
    counter!("tripline_flows_total").absolute(totals.flows);
    counter!("tripline_flows_anomalous_total").absolute(totals.flows_anomalous);
    for (reason, n) in &totals.drops.0 {
        counter!("tripline_dropped_total", "reason" => reason.clone()).absolute(*n);
    }
    for (kind, n) in &totals.decode_errors.0 {
        counter!("tripline_decode_errors_total", "kind" => kind.clone()).absolute(*n);
    }
    for (name, n) in &counters.0 {
        counter!("tripline_events_total", "name" => name.clone()).absolute(*n);
    }
    gauge!("tripline_build_info", "version" => summary.version.clone()).set(1.0);
    gauge!("tripline_start_time_seconds").set(summary.started.seconds_f64());
    gauge!("tripline_lag_seconds").set(summary.lag_ms / 1e3);
    gauge!("tripline_hosts").set(totals.hosts as f64);
    gauge!("tripline_incidents_open").set(totals.incidents_open as f64);
    gauge!("tripline_model_ready").set(if summary.model.state == ModelPhase::Ready { 1.0 } else { 0.0 });
    gauge!("tripline_model_progress_ratio").set(summary.model.progress);
    gauge!("tripline_live_streams").set(values.streams as f64);
    // Worst last: of several lines of one name the worst stays.
    for item in summary.health.iter().rev() {
        let level = match item.level {
            HealthLevel::Ok | HealthLevel::Info => 0.0,
            HealthLevel::Warning => 1.0,
            HealthLevel::Error => 2.0,
        };
        gauge!("tripline_health", "item" => item.name.clone()).set(level);
    }
    for (name, value) in &values.gauges {
        gauge!("tripline_value", "name" => name.clone()).set(*value);
    }
    for (feature, psi) in &values.stability {
        gauge!("tripline_feature_stability_index", "feature" => feature.clone()).set(*psi);
    }
}

/// One series a source; the workers of an interface are one.
fn set_sources(sources: &SourcesView) {
    for source in &sources.sources {
        let name = || source.name.clone();
        counter!("tripline_source_packets_total", "source" => name()).absolute(source.packets);
        counter!("tripline_source_bytes_total", "source" => name()).absolute(source.bytes);
        counter!("tripline_source_dropped_total", "source" => name()).absolute(source.dropped.total());
        counter!("tripline_source_unreadable_total", "source" => name()).absolute(source.unreadable.total());
        gauge!("tripline_source_running", "source" => name()).set(f64::from(u8::from(source.state == "running")));
        if let Some(idle_ms) = source.idle_ms {
            gauge!("tripline_source_idle_seconds", "source" => name()).set(idle_ms / 1e3);
        }
        if let Some(lag_ms) = source.lag_ms {
            gauge!("tripline_source_lag_seconds", "source" => name()).set(lag_ms / 1e3);
        }
    }
}

/// One series an exporter: address, format and source identifier together.
fn set_exporters(sources: &SourcesView) {
    for exporter in sources.sources.iter().flat_map(|source| &source.exporters) {
        let who = format!("{} {} {}", exporter.exporter, exporter.format.name(), exporter.domain);
        counter!("tripline_exporter_datagrams_total", "exporter" => who.clone()).absolute(exporter.datagrams);
        counter!("tripline_exporter_flows_total", "exporter" => who.clone()).absolute(exporter.flows);
        counter!("tripline_exporter_missing_total", "exporter" => who.clone()).absolute(exporter.missing);
        let late = exporter.sets_without_template.saturating_sub(exporter.sets_read_late);
        counter!("tripline_exporter_sets_without_template_total", "exporter" => who.clone()).absolute(late);
        counter!("tripline_exporter_unreadable_total", "exporter" => who).absolute(exporter.unreadable.total());
    }
}

/// What a probe asks.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Probe {
    /// True: are sources and store open, too? As `/readyz`, for probes that cannot log in.
    #[serde(default)]
    ready: bool,
}

/// The process answers. The one question that never asks for a log-in.
#[utoipa::path(get, path = "/healthz", tag = "operation", params(Probe), responses(
    (status = 200, description = "alive", body = String, content_type = "text/plain"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "not yet", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn healthz(
    State(state): State<AppState>,
    probe: Result<Query<Probe>, QueryRejection>,
) -> Result<&'static str, Problem> {
    if probe?.0.ready { readyz(State(state)).await } else { Ok("ok\n") }
}

/// Sources and store are open.
#[utoipa::path(get, path = "/readyz", tag = "operation", responses(
    (status = 200, description = "ready", body = String, content_type = "text/plain"),
    (status = 503, description = "not yet", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn readyz(State(state): State<AppState>) -> Result<&'static str, Problem> {
    if state.live.ready() {
        Ok("ready\n")
    } else {
        Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "sources or store are not open yet"))
    }
}
