//! Every verb of the definition, run once with `--json` against a real server.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is tests"
)]

mod house;

use clap::CommandFactory as _;
use house::{House, error_of, json_lines};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Verbs without a line here: one serves until it is told to stop, some have tests of their own, one prints
/// a shell's script and no result.
const APART: [&str; 5] = ["serve", "demo", "completions", "camera list", "camera test"];

/// A house and the verbs that were run in it.
struct Walk {
    house: House,
    ran: BTreeSet<String>,
}

impl Walk {
    /// Runs a verb with the rest of its line. What it prints is JSON, an object a line, and nothing else;
    /// only what fails writes to standard error, and there one object with a stable code.
    fn runs(&mut self, verb: &str, rest: &str, exit: i32) -> Value {
        let line = format!("--json {verb} {rest}");
        let output = self.house.run(line.trim_end());
        assert_eq!(output.status.code(), Some(exit), "{line}: {output:?}");
        let lines = json_lines(&output.stdout);
        assert!(lines.iter().all(Value::is_object), "{line}: {lines:?}");
        if exit == 1 && !output.stderr.is_empty() {
            let error = error_of(&output);
            assert!(
                error["code"].is_string() && error["message"].is_string(),
                "{line}"
            );
        } else {
            assert!(output.stderr.is_empty(), "{line}: {output:?}");
            assert_eq!(
                output.stdout.iter().filter(|byte| **byte == b'\n').count(),
                lines.len()
            );
            assert!(!lines.is_empty(), "{line}");
        }
        self.ran.insert(verb.to_owned());
        lines.last().cloned().unwrap_or_default()
    }

    fn ok(&mut self, verb: &str, rest: &str) -> Value {
        self.runs(verb, rest, 0)
    }
}

/// The verbs of a command, with the nouns before them.
fn verbs(command: &clap::Command, path: &str, found: &mut BTreeSet<String>) {
    if command.get_subcommands().next().is_none() {
        found.insert(path.to_owned());
    }
    for verb in command.get_subcommands() {
        verbs(
            verb,
            format!("{path} {}", verb.get_name()).trim_start(),
            found,
        );
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn every_verb_speaks_json_and_nothing_else() {
    let list = "barcode,name,type\nQF3K7T2ZC5W8,Ada,Regular\nV6N2D8LPY3GQ,Bo,Regular\n";
    let house = House::with_device(&[("tickets.csv", list.to_owned())]);
    std::fs::write(house.path().join("staff.csv"), "name,role\nSam,steward\n").unwrap();
    let ran = BTreeSet::new();
    let mut walk = Walk { house, ran };
    venue(&mut walk);
    people(&mut walk);
    tickets(&mut walk);
    devices(&mut walk);
    doors(&mut walk);
    afterwards(&mut walk);
    let mut all = BTreeSet::new();
    verbs(&usher_cli::command::Usher::command(), "", &mut all);
    all.retain(|verb| !APART.contains(&verb.as_str()));
    assert_eq!(walk.ran, all);
}

fn venue(walk: &mut Walk) {
    walk.ok(
        "init",
        "--data other --transport plain --listen 127.0.0.1:0",
    );
    walk.ok(
        "organizer create",
        "house --name House --passphrase-file pass",
    );
    walk.ok("organizer list", "");
    walk.ok("organizer show", "");
    walk.ok("organizer change", "--pin-digits 9");
    walk.ok(
        "organizer renew",
        "--root-key house.root --passphrase-file pass",
    );
    walk.ok("event create", "ball --time-zone Europe/Berlin");
    walk.ok("event list", "");
    walk.ok("event show", "fair");
    walk.ok("event change", "ball --name Ball");
    walk.ok("event retire", "ball");
    walk.ok("event restore", "ball");
    walk.ok("session create", "fair/late --doors +7h --ends +9h");
    walk.ok("session list", "fair");
    walk.ok("session show", "fair/late");
    walk.ok("session change", "fair/late --name Late");
    walk.ok("session create", "fair/wrong --doors +7h --ends +9h");
    walk.ok("session retire", "fair/wrong");
    walk.ok("session restore", "fair/wrong");
    walk.ok("session retire", "fair/wrong");
    walk.ok("session everyone-out", "fair/evening");
    walk.ok("session everyone-out", "fair/evening --take-back");
    // No device was given both: they come to share their scans.
    let guests = "fair/evening --tickets-of late --until 1h";
    walk.ok("session honour", guests);
    walk.ok("session notice", "fair/evening Hello --until 1h");
    walk.ok("session delay", "fair/late --by 30m");
    let orders = walk.ok("session orders", "fair/evening");
    assert_eq!(orders["items"].as_array().unwrap().len(), 4);
    walk.runs("readiness", "--session fair/evening", 12);
    walk.ok("type create", "fair/vip");
    walk.ok("type allow", "fair/vip");
    walk.ok("type list", "fair");
    walk.ok("type create", "fair/regulr");
    walk.ok("type change", "fair/regulr --name Regulr");
    walk.ok("type retire", "fair/regulr");
    walk.ok("type restore", "fair/regulr");
    walk.ok("zone create", "floor");
    walk.ok("zone list", "");
    walk.ok("zone create", "flor");
    walk.ok("zone change", "flor --slug floor-2");
    walk.ok("zone retire", "floor-2");
    walk.ok("zone restore", "floor-2");
    walk.ok("gate create", "south");
    walk.ok("gate list", "");
    walk.ok("gate create", "sout");
    walk.ok("gate change", "sout --name South");
    walk.ok("gate retire", "sout");
    walk.ok("gate restore", "sout");
    walk.ok("session free-flow", "fair/late --gate south --until 15m");
}

fn people(walk: &mut Walk) {
    let token = walk.ok("token create", "shop --role viewer --out shop.token");
    walk.ok("token list", "");
    walk.ok("token revoke", token["id"].as_str().unwrap());
    let lead = walk.ok(
        "staff add",
        "Kim --role supervisor --valid-until +2d --out kim.png",
    );
    std::fs::write(walk.house.path().join("pin"), text(&lead["pin"])).unwrap();
    let added = walk.ok("staff import", "staff.csv --out badges");
    let sam = text(&added["items"][0]["id"]);
    let again = walk.ok("staff badge", &format!("{sam} --out sam.png"));
    walk.ok("staff revoke", again["id"].as_str().unwrap());
    let retired = walk.ok("staff retire", again["id"].as_str().unwrap());
    assert_eq!(
        (&retired["retired"], &retired["revoked"]),
        (&json!(true), &json!(true))
    );
    walk.ok("staff restore", again["id"].as_str().unwrap());
    walk.ok("staff list", "");
    walk.ok("staff change", "Kim --all-gates");
}

fn tickets(walk: &mut Walk) {
    walk.ok("import", "fair tickets.csv --session evening");
    walk.ok(
        "ticket create",
        "fair --type vip --session evening --external T-1",
    );
    walk.ok("ticket update", "fair/T-1 --seat 7 --valid-from now");
    walk.ok("ticket attach", "fair/T-1 wristband-17");
    walk.ok("ticket block", "fair/T-1");
    walk.ok("ticket unblock", "fair/T-1");
    walk.ok("ticket show", "fair/T-1");
    walk.ok("ticket list", "fair/evening --state valid --text t-1");
    let signed = walk.ok("ticket qr", "fair/T-1");
    assert!(text(&signed["code"]).starts_with("USH1:"));
    walk.ok("ticket reissue", "fair/T-1");
    walk.ok("ticket cancel", "fair/T-1 --reason refunded");
    let restored = "fair/T-1 --reason mistaken --although-refunded";
    walk.ok("ticket restore", restored);
}

fn devices(walk: &mut Walk) {
    let made = "--role desk --confirm --text-out desk.code";
    walk.ok("enrollment create", made);
    let join = "--home desk --name desk --file desk.code --wait 0m";
    let digits = walk.runs("enroll", join, 1)["confirm"].clone();
    walk.ok("device list", "");
    walk.ok("device confirm", &format!("desk {}", text(&digits)));
    walk.ok("enroll", join);
    walk.ok("device move", "desk --gate south");
    walk.ok("device rename", "desk desk");
    let code = walk.ok("enrollment create", "");
    walk.ok("enrollment list", "");
    walk.ok("enrollment withdraw", code["id"].as_str().unwrap());
    walk.ok("device stand-down", "till");
}

fn doors(walk: &mut Walk) {
    walk.ok("sync", "--home till");
    walk.ok("status", "--home till");
    walk.ok("sign-in", "--home till --image kim.png");
    let scan = "--home till --offline QF3K7T2ZC5W8";
    let admitted = walk.ok("scan", scan);
    let refused = walk.runs("scan", scan, 10);
    let sentence = text(&refused["message"]);
    assert!(sentence.starts_with("Admitted here"), "{sentence}");
    let record = text(&refused["record"]);
    let rest =
        format!("--home till --image kim.png --pin-file pin --reason guest --record {record}");
    walk.ok("override", &rest);
    let record = text(&admitted["record"]);
    walk.ok("undo", &format!("--home till {record}"));
    walk.ok("sign-out", "--home till");
    walk.ok("sync", "--home till");
    walk.ok("audit", "--home till");
    let audit = walk.ok("audit", "--session fair/evening");
    assert_eq!(audit["faults"].as_array().unwrap().len(), 0);
    walk.ok("incident void", &format!("fair/evening {record}"));
    walk.ok("incident accept", &format!("fair/evening {record}"));
    walk.ok("sync", "--home desk");
    walk.ok("sign-in", "--home desk --image kim.png");
    walk.ok("search", "--home desk Ada");
    walk.ok("doctor repair", "--home desk");
    walk.ok("doctor compare", "--home desk");
}

fn afterwards(walk: &mut Walk) {
    walk.ok("man", "manual");
    let page = walk.house.path().join("manual/usher-ticket-cancel.1");
    assert!(std::fs::read_to_string(page).unwrap().contains("cancel"));
    assert!(
        !walk
            .house
            .path()
            .join("manual/usher-ticket-help.1")
            .exists()
    );
    walk.ok("report", "fair/evening");
    walk.ok("report", "fair/evening --attendance came.csv");
    walk.ok("report", "fair/evening --csv scans.csv --bom");
    let scans = std::fs::read_to_string(walk.house.path().join("scans.csv")).unwrap();
    assert!(scans.starts_with("\u{feff}record,time,device,"), "{scans}");
    let head = scans.lines().next().unwrap();
    assert!(
        head.ends_with(",counts,local_time,number,seat,operator"),
        "{head}"
    );
    walk.ok("report", "fair/evening --pdf night.pdf");
    let night = std::fs::read(walk.house.path().join("night.pdf")).unwrap();
    assert!(night.starts_with(b"%PDF-"));
    let whole = walk.ok("report", "fair");
    let sessions = whole["sessions"].as_array().unwrap();
    let entries = sessions.iter().map(|one| one["entries"].as_u64().unwrap());
    assert_eq!(whole["total"]["entries"].as_u64(), Some(entries.sum()));
    assert!(sessions[0]["missing"].is_array(), "{whole}");
    let came = std::fs::read_to_string(walk.house.path().join("came.csv")).unwrap();
    let head = "ticket,type,external,order,holder,state,entries,first_entry,first_gate,last_exit";
    assert_eq!(came.lines().next(), Some(head));
    walk.ok("incident list", "");
    walk.ok("incident list", "--closed");
    walk.runs("incident note", "7 seen", 1);
    walk.ok("incident rows", "");
    walk.ok("incident take-rows", "");
    walk.ok("incident refuse-rows", "");
    walk.ok("backup", "copy");
    walk.runs("restore", "copy", 1);
    walk.ok("restore", "copy --data other");
    walk.ok("off-duty", "--home till");
    walk.runs("incident close", "00000000000000000000000000", 1);
    walk.ok("wipe", "--home desk --yes");
    walk.ok("device revoke", "desk");
    walk.ok("device retire", "desk");
    let left = walk.ok("device list", "");
    let names: Vec<_> = left["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].clone())
        .collect();
    assert!(!names.contains(&json!("desk")), "{left}");
    walk.ok("device restore", "desk");
    let said = walk.house.ok("audit --session fair/evening");
    assert!(
        said.contains("device till") && said.ends_with("All is well.\n"),
        "{said}"
    );
}
