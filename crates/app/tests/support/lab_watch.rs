//! `tripline run` at the scanner's place in a laboratory (`lab`): asked by its API, from inside. Owns no assertion about what it finds.

use super::lab::Lab;
use super::wait_for;
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A scan of the whole laboratory, at most.
const PATIENCE: Duration = Duration::from_mins(2);
/// It ends by itself after this, seconds.
const LIFETIME_S: u32 = 280;

/// The running program, with an inventory of its own.
pub struct Watch<'a> {
    lab: &'a Lab,
    child: Child,
    url: String,
    backend: &'static str,
}

impl<'a> Watch<'a> {
    /// Begins it; `port` and the next one are its own.
    pub fn begin(lab: &'a Lab, backend: &'static str, port: u16, settings: &[String]) -> Self {
        let (listen, collect) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{}", port + 1));
        let mut command = lab.command(env!("CARGO_BIN_EXE_tripline"), LIFETIME_S);
        command.args(["run", "-q", "--listen", &listen, "--collect", &collect, "--data-dir"]);
        command.arg(lab.dir.path().join(backend));
        for setting in settings {
            command.args(["--set", setting]);
        }
        let child = command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap();
        let watch = Self { lab, child, url: format!("http://{listen}"), backend };
        wait_for(PATIENCE, "the program's answer", || watch.call(&["/healthz"]).map(drop));
        watch
    }

    /// By curl, which is inside; None while nobody answers.
    fn call(&self, words: &[&str]) -> Option<String> {
        let (path, rest) = words.split_first()?;
        let mut curl = self.lab.command("curl", 30);
        let output = curl.arg("-sS").args(rest).arg(format!("{}{path}", self.url)).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// What a path of the API answers.
    pub fn get(&self, path: &str) -> Value {
        let text = self.call(&[&format!("/api/v1{path}")]).unwrap_or_else(|| panic!("no answer of {path}"));
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}: {text}"))
    }

    /// A scan of these targets, to its end.
    pub fn scan(&self, targets: &str) -> Value {
        let body = json!({ "targets": [targets], "backend": self.backend }).to_string();
        let begun = self.call(&["/api/v1/scans", "-H", "content-type: application/json", "-d", &body]).unwrap();
        let begun: Value = serde_json::from_str(&begun).unwrap();
        let id = begun["id"].as_str().unwrap_or_else(|| panic!("{begun}")).to_owned();
        let scan = wait_for(PATIENCE, "the end of the scan", || {
            let scan = self.get(&format!("/scans/{id}"))["scan"].clone();
            (scan["state"] != "running").then_some(scan)
        });
        assert_eq!(scan["state"], "done", "{scan}");
        scan
    }

    /// The hosts of the inventory in full, by address.
    pub fn inventory(&self) -> Vec<Value> {
        let list = self.get("/assets?limit=100")["items"].as_array().unwrap().clone();
        let whole = |asset: &Value| self.get(&format!("/assets/{}", asset["key"].as_str().unwrap()));
        let mut all: Vec<Value> = list.iter().map(whole).collect();
        let number = |asset: &Value| {
            let address = asset["asset"]["addresses"][0].as_str().unwrap_or_default().to_owned();
            address.rsplit('.').next().and_then(|last| last.parse::<u32>().ok())
        };
        all.sort_by_key(number);
        all
    }

    /// What a scan changed in the inventory, one line a change: `198.18.0.9 port_opened 80/tcp`.
    pub fn changes(&self, scan: &Value) -> Vec<String> {
        let of_host = |host: &Value| {
            let address = host["asset"]["addresses"][0].as_str().unwrap().to_owned();
            let events = host["history"].as_array().unwrap().iter().filter(|event| event["scan"] == scan["id"]);
            let line = |event: &Value| {
                let port = event["port"].as_u64().filter(|port| *port > 0);
                let port = port.map(|port| format!(" {port}/{}", event["protocol"].as_str().unwrap()));
                format!("{address} {}{}", event["what"].as_str().unwrap(), port.unwrap_or_default())
            };
            events.map(line).collect::<Vec<_>>()
        };
        let mut all: Vec<String> = self.inventory().iter().flat_map(of_host).collect();
        all.sort();
        all
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        // `timeout` hands it on.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
