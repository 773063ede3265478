//! The files in deploy/, by the tools that read them: compose files, the Helm chart, Dockerfiles, the systemd unit, and an image that is built
//! without a daemon and checks itself. Nobody in them is root, nothing listens beyond loopback, and only sensors may capture.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use support::server::Server;
use support::{run, tripline};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// True when a program is there; else the reason is told.
fn has(test: &str, program: &str, package: &str) -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|dir| dir.join(program).exists());
    if !found {
        eprintln!("SKIP {test}: {program} is missing (package {package})");
    }
    found
}

/// Where scripts/services/helm.sh installed its tools; None, with the reason, where it has not.
fn tools(test: &str) -> Option<PathBuf> {
    let services = std::env::var_os("TRIPLINE_SERVICES").map_or_else(|| root().join("target/services"), PathBuf::from);
    let bin = services.join("helm/bin");
    if services.join("helm/packages").exists() {
        return Some(bin);
    }
    eprintln!("SKIP {test}: no Helm and no hadolint; scripts/services/helm.sh install");
    None
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

fn good(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn facts(args: &[&str], stdin: &str) -> Value {
    let mut command = Command::new(root().join("scripts/services/helm.sh"));
    command.args(["run", root().join("scripts/deploy-facts.py").to_str().unwrap()]).args(args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output)))
}

fn compose(file: &str, environment: Option<&str>) -> Value {
    let folder = root().join("deploy/compose");
    let mut command = Command::new("docker-compose");
    command.current_dir(&folder).args(environment.into_iter().flat_map(|file| ["--env-file", file]));
    facts(&["yaml"], &good(command.args(["-f", file, "config"])))
}

/// The variables of a service fit the settings; sections that this version has not are none of its business.
fn assert_settings(service: &str, environment: &Value) {
    let known: toml::Table = toml::from_str(&run(["config", "show"]).done().text()).unwrap();
    let mut command = tripline();
    for (name, value) in environment.as_object().into_iter().flatten() {
        let section = name.trim_start_matches("TRIPLINE_").split("__").next().unwrap().to_lowercase();
        if known.contains_key(&section) {
            command.env(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
    }
    let checked = command.args(["config", "check"]).output().unwrap();
    assert!(checked.status.success(), "{service}: {}", text(&checked));
}

fn words(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn compose_files_are_read_and_give_no_more_rights_than_they_need() {
    if tools("compose").is_none() || !has("compose", "docker-compose", "docker-compose") {
        return;
    }
    let one = compose("one.yml", None);
    let many = compose("many.yml", Some("many.env"));
    let names: BTreeSet<&str> = many["services"].as_object().unwrap().keys().map(String::as_str).collect();
    let wanted = ["detector1", "detector2", "kafka", "mongodb", "s3", "sensor1", "sensor2", "sensor3", "server"];
    assert_eq!(names, BTreeSet::from(wanted));
    for (name, service) in one["services"].as_object().unwrap().iter().chain(many["services"].as_object().unwrap()) {
        if ["kafka", "s3", "mongodb"].contains(&name.as_str()) {
            let ports = words(&service["ports"]);
            assert!(!ports.is_empty() && ports.iter().all(|port| port.starts_with("127.0.0.1:")), "{name}: {ports:?}");
            continue;
        }
        let captures = name == "tripline" || name.starts_with("sensor");
        assert_eq!(service["network_mode"], "host", "{name}");
        assert_eq!(words(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(words(&service["cap_add"]), if captures { vec!["NET_RAW"] } else { vec![] }, "{name}");
        assert_eq!(service["image"].as_str().unwrap().ends_with("-sensor"), captures, "{name}");
        assert_eq!(service["read_only"], true, "{name}");
        assert!(service.get("user").is_none() && service.get("privileged").is_none(), "{name}: the image's user");
        let no_escalation = words(&service["security_opt"]).contains(&"no-new-privileges:true");
        assert_eq!(no_escalation, !captures, "{name}");
        let command = words(&service["command"]);
        let listen = command.iter().skip_while(|word| **word != "--listen").nth(1);
        assert!(listen.is_none_or(|address| address.starts_with("127.0.0.1:")), "{name}: {command:?}");
        assert_settings(name, &service["environment"]);
    }
    let unset = Command::new("docker-compose")
        .current_dir(root().join("deploy/compose"))
        .args(["-f", "many.yml", "config"])
        .output()
        .unwrap();
    assert!(!unset.status.success(), "without passwords of one's own it does not start");
}

fn chart(values: &Value) -> Value {
    facts(&["chart", root().join("deploy/helm/tripline").to_str().unwrap(), &values.to_string()], "")
}

fn of_kind<'a>(chart: &'a Value, kind: &str) -> Vec<&'a Value> {
    chart["documents"].as_array().unwrap().iter().filter(|document| document["kind"] == kind).collect()
}

fn brokers() -> Value {
    json!({"kafka": {"brokers": ["kafka-0.kafka:9092", "kafka-1.kafka:9092"]}})
}

fn with(mut values: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        values[name] = value.clone();
    }
    values
}

/// A pod whose containers are not root and can do nothing but, for sensors, open packet sockets.
fn assert_confined(name: &str, pod: &Value, captures: bool) {
    assert_eq!(pod["hostNetwork"], if captures { json!(true) } else { Value::Null }, "{name}");
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{name}");
    assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
    for container in pod["containers"].as_array().unwrap() {
        let security = &container["securityContext"];
        assert_eq!(security["runAsNonRoot"], true, "{name}");
        assert_eq!(security["readOnlyRootFilesystem"], true, "{name}");
        assert_eq!(security["allowPrivilegeEscalation"], captures, "{name}");
        assert_eq!(words(&security["capabilities"]["drop"]), ["ALL"], "{name}");
        let added = words(&security["capabilities"]["add"]);
        assert_eq!(added, if captures { vec!["NET_RAW"] } else { vec![] }, "{name}");
        assert_eq!(container["image"].as_str().unwrap().ends_with("-sensor"), captures, "{name}");
        for part in ["requests", "limits"] {
            assert!(container["resources"][part]["memory"].is_string(), "{name} has no {part} of memory");
        }
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            assert!(words(&container[probe]["exec"]["command"]).contains(&"health"), "{name} has no {probe}");
        }
        let variables = container["env"].as_array().unwrap().iter();
        let set: serde_json::Map<String, Value> =
            variables.filter_map(|v| Some((v["name"].as_str()?.to_owned(), v.get("value")?.clone()))).collect();
        assert_settings(name, &Value::Object(set));
    }
}

#[test]
fn the_chart_lints_and_renders_confined_pods() {
    if tools("chart").is_none() {
        return;
    }
    let chart_of = chart(&brokers());
    assert_eq!(chart_of["lint"]["messages"], json!([]), "{}", chart_of["lint"]);
    let workloads = [("DaemonSet", true), ("Deployment", false), ("StatefulSet", false)];
    for (kind, captures) in workloads {
        let [workload] = of_kind(&chart_of, kind)[..] else { panic!("one {kind}") };
        assert_confined(kind, &workload["spec"]["template"]["spec"], captures);
        let labels = &workload["spec"]["template"]["metadata"]["labels"];
        assert_eq!(&workload["spec"]["selector"]["matchLabels"], labels, "{kind} finds its own pods");
    }
    assert_eq!(of_kind(&chart_of, "Deployment")[0]["spec"]["replicas"], 2);
    let claims = of_kind(&chart_of, "StatefulSet")[0]["spec"]["volumeClaimTemplates"].clone();
    assert_eq!(claims[0]["spec"]["resources"]["requests"]["storage"], "50Gi");
    for off in ["ScaledObject", "HorizontalPodAutoscaler", "ServiceMonitor"] {
        assert!(of_kind(&chart_of, off).is_empty(), "{off} is off by default");
    }
    assert!(chart_of["notes"].as_str().unwrap().contains("port-forward"));
}

#[test]
fn detectors_follow_the_lag_and_what_cannot_be_is_refused() {
    if tools("chart values").is_none() {
        return;
    }
    let scaled = |kind: &str| chart(&with(brokers(), &json!({"detector": {"autoscaling": {"kind": kind}}})));
    let keda = scaled("keda");
    let trigger = &of_kind(&keda, "ScaledObject")[0]["spec"]["triggers"][0];
    assert_eq!(trigger["metadata"]["bootstrapServers"], "kafka-0.kafka:9092,kafka-1.kafka:9092");
    assert_eq!(trigger["metadata"]["consumerGroup"], "tripline-detectors");
    assert!(of_kind(&keda, "Deployment")[0]["spec"].get("replicas").is_none(), "the scaler says how many");
    let hpa = scaled("hpa");
    assert_eq!(of_kind(&hpa, "HorizontalPodAutoscaler")[0]["spec"]["metrics"][0]["type"], "External");
    for (what, values) in [
        ("kafka.brokers", json!({})),
        ("partitions", with(brokers(), &json!({"roles": {"partitions": 0}}))),
        ("colour", with(brokers(), &json!({"colour": "red"}))),
        ("kind", with(brokers(), &json!({"detector": {"autoscaling": {"kind": "magic"}}}))),
        ("sidecar", with(brokers(), &json!({"metrics": {"serviceMonitor": {"enabled": true}}}))),
    ] {
        let refused = chart(&values)["refused"].as_str().unwrap_or_default().to_owned();
        let lint = chart(&values)["lint"]["messages"].to_string();
        assert!(refused.contains(what) || lint.contains(what), "{what}: `{refused}` {lint}");
    }
}

#[test]
fn yaml_and_dockerfiles_lint() {
    let Some(bin) = tools("lints") else { return };
    for file in ["deploy/Dockerfile", "deploy/Dockerfile.source"] {
        good(Command::new(bin.join("hadolint")).args(["--failure-threshold", "style"]).arg(root().join(file)));
    }
    if has("lints", "yamllint", "yamllint") {
        good(Command::new("yamllint").current_dir(root()).args(["--strict", "-c", "deploy/yamllint.yml", "deploy"]));
    }
}

/// Images in a folder of their own, without a daemon, a registry or a namespace.
fn buildah(store: &Path) -> Command {
    let mut command = Command::new("buildah");
    let at = |name: &str| store.join(name).display().to_string();
    command.args(["--root", &at("root"), "--runroot", &at("run"), "--storage-driver", "vfs"]);
    command
}

#[test]
fn an_image_is_built_without_a_daemon_and_checks_itself() {
    if !has("image", "buildah", "buildah") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = root().join("deploy/Dockerfile");
    for (name, capture) in [("tripline", false), ("tripline-sensor", true)] {
        let mut make = Command::new(root().join("deploy/rootfs.sh"));
        make.args(capture.then_some("--capture")).arg(env!("CARGO_BIN_EXE_tripline")).arg(dir.path().join(name));
        good(&mut make);
        let mut build = buildah(dir.path());
        build.args([
            "bud",
            "--isolation",
            "chroot",
            "--format",
            "docker",
            "--build-arg",
            &format!("ROOT={name}"),
            "-t",
            name,
        ]);
        good(build.args(["-f", file.to_str().unwrap()]).arg(dir.path()));
    }
    let about: Value =
        serde_json::from_str(&good(buildah(dir.path()).args(["inspect", "--type", "image", "tripline"]))).unwrap();
    let config = &about["Docker"]["config"];
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["Healthcheck"]["Test"], json!(["CMD", "/usr/bin/tripline", "health"]));
    assert_eq!(config["Entrypoint"], json!(["/usr/bin/tripline"]));
    assert!(config["Volumes"].get("/data").is_some());

    let container = good(buildah(dir.path()).args(["from", "tripline"])).trim().to_owned();
    let run =
        |args: &[&str]| good(buildah(dir.path()).args(["run", "--isolation", "chroot", &container, "--"]).args(args));
    let said = run(&["/usr/bin/tripline", "check"]);
    assert!(said.contains("port_scan"), "{said}");
    assert!(run(&["/usr/bin/tripline", "--version"]).starts_with("tripline "));
    let place = PathBuf::from(good(buildah(dir.path()).args(["mount", &container])).trim());
    assert!(!place.join("bin/sh").exists() && !place.join("usr/bin/sh").exists(), "nothing but the program");

    let sensor = good(buildah(dir.path()).args(["from", "tripline-sensor"])).trim().to_owned();
    let sensor_place = PathBuf::from(good(buildah(dir.path()).args(["mount", &sensor])).trim());
    if has("image", "getcap", "libcap2-bin") {
        let rights = |place: &Path| good(Command::new("getcap").arg(place.join("usr/bin/tripline")));
        assert!(rights(&sensor_place).contains("cap_net_raw=ep"), "{}", rights(&sensor_place));
        assert_eq!(rights(&place), "", "only the sensor's program may capture");
    }
    for container in [&container, &sensor] {
        good(buildah(dir.path()).args(["umount", container]));
        good(buildah(dir.path()).args(["rm", container]));
    }
}

#[test]
fn the_root_of_an_image_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let script = root().join("deploy/rootfs.sh");
    for (args, words) in [
        (vec!["/no/such/program", "x"], "is no program"),
        (vec![env!("CARGO_BIN_EXE_tripline"), "/usr"], "is not empty"),
        (vec![], "usage"),
    ] {
        let output = Command::new(&script).current_dir(dir.path()).args(&args).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output).contains(words), "{}", text(&output));
    }
}

#[test]
fn the_unit_is_read_by_systemd_and_its_sandbox_is_tight() {
    if !has("unit", "systemd-analyze", "systemd") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let unit = std::fs::read_to_string(root().join("deploy/systemd/tripline.service")).unwrap();
    let place = dir.path().join("tripline.service");
    std::fs::write(&place, unit.replace("/usr/local/bin/tripline", env!("CARGO_BIN_EXE_tripline"))).unwrap();
    let verified = Command::new("systemd-analyze").arg("verify").arg(&place).output().unwrap();
    assert!(verified.status.success() && text(&verified).trim().is_empty(), "{}", text(&verified));
    // 0 is nothing exposed, 100 is everything; a service without a sandbox has 96.
    good(Command::new("systemd-analyze").args(["security", "--offline=true", "--threshold=30"]).arg(&place));
}

#[test]
fn each_role_gets_a_file_that_is_good_and_never_over_another() {
    let dir = tempfile::tempdir().unwrap();
    for role in ["all", "sensor", "detector", "server"] {
        let file = dir.path().join(format!("{role}.toml"));
        let name = file.to_str().unwrap();
        run(["config", "init", "--role", role, "-w", name]).done();
        run(["config", "check", "-c", name]).done();
        let before = std::fs::read(&file).unwrap();
        let again = run(["config", "init", "--role", role, "-w", name]);
        assert_eq!(again.code, Some(2));
        assert!(again.stderr.contains("exists already"), "{}", again.stderr);
        assert_eq!(std::fs::read(&file).unwrap(), before);
    }
    let wrong = run(["config", "init", "--role", "king"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("sensor"), "{}", wrong.stderr);
}

#[test]
fn health_asks_the_running_process() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let server = Server::start(&["demo", "--data-dir", data]);
    let url = format!("http://127.0.0.1:{}", server.port);
    assert_eq!(run(["health", "--url", &url]).done().text().trim(), format!("{url}/healthz: ok"));
    run(["health", "--ready", "--url", &url]).done();
    run(["health", "--set", &format!("serve.listen=\"127.0.0.1:{}\"", server.port)]).done();
    assert!(server.terminate().success());
    let gone = run(["health", "--url", &url]);
    assert_eq!(gone.code, Some(1));
    assert!(gone.stderr.contains("refused"), "{}", gone.stderr);
    assert_eq!(run(["health", "--url", "elsewhere"]).code, Some(2));
}
