//! Every endpoint: its status and its shape, as the reference page has them.

use super::double::*;
use axum::http::StatusCode;

const FLOW: &str = "flow_id start end duration_ms src_ip src_port dest_ip dest_port proto app_proto state history reason \
    pkts_toserver pkts_toclient bytes_toserver bytes_toclient community_id in_iface vlan tunnel host_name score p_value \
    anomalous";
const INCIDENT: &str = "id kind title severity score first_seen last_seen src dest dest_port alerts attack status why \
    detectors flows evidence raised advice over_budget notes domains";
const PACKET: &str = "id timestamp src dest src_ip dest_ip src_port dest_port protocol length info score";
const MODELS: &str = "state progress eta_s text trained_on version members schema seed artifact live agreement drift stability data \
    retraining challenge versions events can_import";
const MEMBER: &str = "name kind looks_at admitted why weight held_out_fpr threshold nominal_fpr realised_fpr scores weight_bytes imported";
const VERSION: &str = "version made reason text rows_fitted rows_trimmed rows_held_out rows_labelled marks kind in_use file bytes \
    trained_on members error";
const PAGE: &str = "items total total_exact next_cursor";

#[tokio::test]
async fn summary_has_its_shape() {
    let summary = world().json("/api/v1/summary").await;
    assert_eq!(
        keys(&summary),
        names("now started version mode sources rates totals model budget lag_ms paused_ingest health")
    );
    assert_eq!(keys(&summary["sources"][0]), names("name kind state packets bytes dropped last_event"));
    assert_eq!(keys(&summary["rates"]), names("packets_per_s bits_per_s bits_in_per_s bits_out_per_s flows_per_s"));
    assert_eq!(
        keys(&summary["totals"]),
        names("packets bytes flows flows_anomalous hosts incidents_open drops decode_errors")
    );
    assert_eq!(keys(&summary["model"]), names("state progress eta_s flows_learned flows_needed text"));
    assert_eq!(keys(&summary["budget"]), names("per_hour used_last_hour held_back_today alerts_today"));
    assert_eq!(keys(&summary["health"][0]), names("name level text action"));
    assert_eq!((&summary["mode"], &summary["model"]["state"]), (&"live".into(), &"ready".into()));
    assert_eq!(summary["now"], "2025-10-09T09:16:40.000000Z");
}

#[tokio::test]
async fn flows_have_their_shape() {
    let world = world();
    let page = world.json("/api/v1/flows?limit=2").await;
    assert_eq!(keys(&page), names(PAGE));
    assert_eq!((&page["total"], page["items"].as_array().unwrap().len()), (&250.into(), 2));
    let row = &page["items"][0];
    assert_eq!(keys(row), names(&format!("{FLOW} dest_country")));
    assert_eq!(
        (&row["proto"], &row["app_proto"], &row["host_name"]),
        (&"UDP".into(), &"dns".into(), &"n250.example.org".into())
    );
    let detail = world.json("/api/v1/flows/5010").await;
    assert_eq!(
        keys(&detail),
        names("flow statistics app app_response src_mac dest_mac members why features incidents packets")
    );
    assert_eq!(keys(&detail["flow"]), names(&format!("{FLOW} dest_country")));
    assert_eq!(keys(&detail["statistics"]), "backward both forward");
    assert_eq!(detail["statistics"]["forward"]["payload_mean_bytes"], 38.0);
    assert_eq!(detail["statistics"]["both"]["duration_ms"], 20.0);
    assert_eq!((&detail["app"]["type"], &detail["app"]["rrname"]), (&"dns".into(), &"n10.example.org".into()));
    assert_eq!(keys(&detail["members"][0]), names("name score p_value admitted"));
    assert_eq!(keys(&detail["features"][0]), names("feature value expected unit"));
    assert_eq!(keys(&detail["packets"][0]), names(PACKET));
    world.problem("/api/v1/flows/1", 404).await;
    world.problem("/api/v1/flows/abc", 400).await;
}

#[tokio::test]
async fn scatter_has_its_shape() {
    let world = world();
    let scatter = world.json("/api/v1/flows/scatter?limit=5&q=anomalous:true").await;
    assert_eq!((keys(&scatter).as_str(), &scatter["total"]), ("points total", &25.into()));
    let score = f64::from(0.95_f32);
    assert_eq!(scatter["points"][0], serde_json::json!([5_250, (T0_S + 250) * 1_000, 20.0, 280, score, 1]));
    assert_eq!(scatter["points"].as_array().unwrap().len(), 5);
    world.problem("/api/v1/flows/scatter?limit=50001", 400).await;
}

#[tokio::test]
async fn incidents_have_their_shape() {
    let world = world();
    let page = world.json("/api/v1/incidents?q=kind:port_scan").await;
    assert_eq!((keys(&page), keys(&page["items"][0])), (names(PAGE), names(INCIDENT)));
    let id = incident(1).id;
    let detail = world.json(&format!("/api/v1/incidents/{id}")).await;
    assert_eq!(keys(&detail), "countries flows incident similar");
    assert_eq!((&detail["flows"][0]["flow_id"], &detail["similar"][0]["id"]), (&5_001.into(), &incident(2).id.into()));
    assert_eq!(detail["similar"][0]["same"], serde_json::json!(["kind", "source", "target"]));
    world.problem("/api/v1/incidents/none", 404).await;
    let pcap = world.get(&format!("/api/v1/incidents/{id}/pcap")).await;
    assert_eq!(pcap.headers()["content-type"], "application/x-pcapng");
    assert!(pcap.headers()["content-disposition"].to_str().unwrap().contains(&id));
    assert_eq!(bytes(pcap).await, b"pcapng");
    world.problem(&format!("/api/v1/incidents/{}/pcap", incident(2).id), 404).await;
    world.problem("/api/v1/incidents/..%2F..%2Ftripline/pcap", 404).await;
}

#[tokio::test]
async fn an_incident_is_changed() {
    let world = world();
    let path = format!("/api/v1/incidents/{}", incident(1).id);
    let response = world
        .patch(&path, r#"{"status": "false_positive", "note": "the printer", "feedback": "false_positive"}"#)
        .await;
    assert_eq!(response.status(), StatusCode::OK);
    let changed: serde_json::Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(keys(&changed), names(&format!("{INCIDENT} feedback")));
    assert_eq!((&changed["status"], &changed["notes"][0]["text"]), (&"false_positive".into(), &"the printer".into()));
    assert_eq!(world.json(&path).await["incident"], changed);
    for (body, status) in [
        ("{}", 400),
        ("not json", 400),
        (r#"{"status": "wrong"}"#, 422),
        (r#"{"colour": "red"}"#, 422),
        (r#"{"note": "  "}"#, 400),
    ] {
        problem(world.patch(&path, body).await, status, body).await;
    }
    let long = format!(r#"{{"note": "{}"}}"#, "x".repeat(4_097));
    problem(world.patch(&path, &long).await, 400, "a long note").await;
    problem(world.patch("/api/v1/incidents/none", r#"{"note": "x"}"#).await, 404, "no incident").await;
}

#[tokio::test]
async fn hosts_have_their_shape() {
    let world = world();
    let host = names(
        "ip mac name home first_seen last_seen flows_out flows_in bytes_out bytes_in services vendor importance label note \
         incidents_open worst risk",
    );
    let page = world.json("/api/v1/hosts").await;
    assert_eq!((keys(&page), keys(&page["items"][0])), (names(PAGE), host.clone()));
    let detail = world.json("/api/v1/hosts/10.0.0.1").await;
    assert_eq!(keys(&detail), "asset flows host incidents peers services");
    assert_eq!((keys(&detail["host"]), keys(&detail["peers"][0])), (host, names("ip flows bytes")));
    assert_eq!(detail["incidents"].as_array().unwrap().len(), 2);
    world.problem("/api/v1/hosts/10.9.9.9", 404).await;
    world.problem("/api/v1/hosts/nobody", 400).await;
}

#[tokio::test]
async fn packets_have_their_shape() {
    let world = world();
    let page = world.json("/api/v1/packets?limit=3").await;
    assert_eq!((keys(&page), keys(&page["items"][0])), (names(PAGE), names(PACKET)));
    let next = world.json(&format!("/api/v1/packets?limit=3&cursor={}", page["next_cursor"].as_str().unwrap())).await;
    assert_eq!(next["items"][0]["id"], 17);
    assert_eq!(world.json("/api/v1/packets?after=18").await["total"], 2);
    assert_eq!(world.json("/api/v1/packets?q=src_ip:10.0.0.0/29%20-info:*7").await["total"], 6);
    assert_eq!(keys(&world.json("/api/v1/packets/3").await), names("summary layers hex stopped"));
    world.problem("/api/v1/packets/99", 404).await;
    world.problem("/api/v1/packets?cursor=x", 400).await;
    let pcap = world.get("/api/v1/packets/pcap?ids=1,2,3").await;
    assert_eq!(
        (pcap.status(), &pcap.headers()["content-type"]),
        (StatusCode::OK, &"application/x-pcapng".parse().unwrap())
    );
    world.problem("/api/v1/packets/pcap?ids=77", 404).await;
    world.problem("/api/v1/packets/pcap?ids=1,x", 400).await;
    world.problem("/api/v1/packets/pcap", 400).await;
}

#[tokio::test]
async fn series_have_their_shape() {
    let world = world();
    let range = format!("from={}&to={}", at(0).rfc3339(), at(129).rfc3339());
    let one = world.json(&format!("/api/v1/series?metric=bytes&{range}&step=10")).await;
    assert_eq!(keys(&one), names("metric from step_s values"));
    assert_eq!((&one["values"][11], &one["values"][12]), (&10.0.into(), &serde_json::Value::Null));
    let two = world.json(&format!("/api/v1/series?metric=bytes,nothing&{range}")).await;
    assert_eq!((two.as_array().unwrap().len(), &two[1]["metric"]), (2, &"nothing".into()));
    // Without bounds: the hour before now.
    let hour = world.json("/api/v1/series?metric=bytes").await;
    assert_eq!(hour["values"].as_array().unwrap().len(), 361);
    for bad in [
        "",
        "?metric=",
        "?metric=a&from=yesterday",
        "?metric=a&step=x",
        "?metric=a&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
    ] {
        world.problem(&format!("/api/v1/series{bad}"), 400).await;
    }
    // An offset whose plus sign was not escaped.
    world.json("/api/v1/series?metric=bytes&from=2025-10-09T10:00:00+01:00&to=2025-10-09T10:05:00+01:00").await;
}

#[tokio::test]
async fn top_models_and_health_have_their_shape() {
    let world = world();
    for (what, name) in [("hosts", "192.0.2.1"), ("protocols", "dns"), ("ports", "53/udp")] {
        let top = world.json(&format!("/api/v1/top?what={what}")).await;
        assert_eq!(
            (keys(&top["items"][0]), &top["items"][0]["name"]),
            (names("name bytes packets flows"), &name.into())
        );
    }
    world.problem("/api/v1/top?what=cats", 400).await;
    let models = world.json("/api/v1/models").await;
    assert_eq!(keys(&models), names(MODELS));
    assert_eq!(keys(&models["members"][0]), names(MEMBER));
    assert_eq!(keys(&models["versions"][0]), names(VERSION));
    let health = world.json("/api/v1/health").await;
    assert_eq!((keys(&health), &health["status"]), (names("status items counters"), &"degraded".into()));
    assert_eq!(health["counters"]["flows_created"], 77);
}

#[tokio::test]
async fn exports_are_downloads() {
    let world = world();
    let response = world.get("/api/v1/export/flows?format=csv&q=anomalous:true").await;
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert!(response.headers()["content-disposition"].to_str().unwrap().contains("tripline-flows.csv"));
    let csv = text(response).await;
    assert_eq!(csv.lines().count(), 26);
    assert!(csv.starts_with("flow_id,start,end,duration_ms,src_ip"), "{csv}");
    let json: serde_json::Value =
        serde_json::from_str(&text(world.get("/api/v1/export/flows?format=json").await).await).unwrap();
    assert_eq!((json.as_array().unwrap().len(), keys(&json[0])), (250, names(FLOW)));
    let incidents = text(world.get("/api/v1/export/incidents").await).await;
    assert!(incidents.contains("\"10.0.0.1 scanned, \"\"all\"\" of 192.0.2.1\""), "{incidents}");
    let hosts = text(world.get("/api/v1/export/hosts").await).await;
    assert!(hosts.contains(",'=cmd(),"), "a formula from the network is shown as text: {hosts}");
    let empty = text(world.get("/api/v1/export/hosts?format=json&q=name:nobody").await).await;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&empty).unwrap(), serde_json::json!([]));
    world.problem("/api/v1/export/secrets", 404).await;
    world.problem("/api/v1/export/flows?format=xml", 400).await;
    world.problem("/api/v1/export/flows?q=nofield:1", 400).await;
}

#[tokio::test]
async fn metrics_and_probes_answer() {
    let world = world();
    let metrics = text(world.get("/metrics").await).await;
    for line in [
        "# TYPE tripline_packets_total counter",
        "tripline_packets_total 1234",
        "tripline_dropped_total{reason=\"store_queue_full\"} 3",
        "tripline_source_packets_total{source=\"eth0\"} 1234",
        "tripline_source_idle_seconds{source=\"eth0\"} 1.5",
        "tripline_events_total{name=\"flows_created\"} 77",
        "tripline_model_ready 1",
        "tripline_value{name=\"flow_table_entries\"} 12",
        "tripline_feature_stability_index{feature=\"duration_ms\"} 0.125",
        "tripline_build_info{version=\"0.1.0\"} 1",
        "tripline_health{item=\"drops\"} 1",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line} in\n{metrics}");
    }
    assert_eq!(text(world.get("/healthz").await).await, "ok\n");
    assert_eq!(text(world.get("/readyz").await).await, "ready\n");
}

#[tokio::test]
async fn sources_are_told_whole_in_brief_and_one_alone() {
    let world = world();
    let whole = world.json("/api/v1/sources").await;
    let source = &whole["sources"][0];
    assert_eq!(
        keys(source),
        names(
            "name kind state state_text level advice last_event last_received idle_ms lag_ms units packets bytes packets_per_s bytes_per_s \
             recent_per_s told dropped gaps unreadable buffer_asked_bytes buffer_granted_bytes workers notes exporters exporters_total log"
        )
    );
    assert_eq!((source["exporters"][0]["missing"].as_u64(), source["log"].is_object()), (Some(3), true));
    let brief = world.json("/api/v1/sources?brief=true").await;
    let source = &brief["sources"][0];
    assert_eq!((source["exporters"].as_array().map(Vec::len), source["exporters_total"].as_u64()), (Some(0), Some(1)));
    assert!(source["log"].is_null());
    let one = world.json("/api/v1/sources?name=exports%20at%20127.0.0.1:2055").await;
    assert_eq!(one["sources"], serde_json::json!([whole["sources"][0]]));
    let none = world.json("/api/v1/sources?name=eth9").await;
    assert_eq!(none["sources"].as_array().map(Vec::len), Some(0));
}
