//! The example toolkit of each capability: built by its lane, run on the services of
//! `wb-services`, and refused without what its manifest asks for.
//!
//! `fixtures/transcripts/<toolkit>.txt` is what a user would see; `BLESS=1` writes them
//! anew. The toolchains come from `WB_TEST_HOME`, else from a folder of the target
//! directory, and are installed by the first test that needs them.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod servers;
mod stage;
mod workshop;

use stage::Stage;
use wb_manifest::Lang;
use wb_policy::Cap;

#[test]
fn vfs_keeps_a_to_do_list() {
    let mut todo = Stage::new("todo");
    todo.run(&["list"], "");
    todo.run(&["add", "water", "the", "plants"], "");
    todo.run(&["add", "call Zoë's \"friend\""], "");
    todo.run(&["done", "1"], "");
    todo.run(&["done", "7"], "");
    todo.run(&["list"], "");
    todo.run(&["export", "monday.md"], "");
    todo.run(&["exports"], "");
    todo.run(&["print", "monday.md"], "");
    todo.run(&["discard", "monday.md"], "");
    todo.run(&["discard", "monday.md"], "");
    todo.run(&["print", "monday.md"], "");
    todo.run(&["sing"], "");
    todo.refused_without_its_capabilities();
}

#[test]
fn kv_counts() {
    let mut counter = Stage::new("counter");
    counter.run(&["show"], "");
    counter.run(&["add", "visits"], "");
    counter.run(&["add", "visits", "41"], "");
    counter.run(&["add", "retries", "-3"], "");
    counter.run(&["add", "visits", "many"], "");
    counter.run(&["add", "visits", "9223372036854775807"], "");
    counter.run(&["show"], "");
    counter.run(&["show", "re"], "");
    counter.run(&["reset", "retries"], "");
    counter.run(&["reset", "retries"], "");
    counter.run(&["show"], "");
    counter.scoped(r#"{"kv": ["counter/visits"]}"#);
    counter.run(&["add", "visits"], "");
    counter.run(&["add", "others"], "");
    counter.refused_without_its_capabilities();
}

#[test]
fn queue_hands_jobs_over() {
    let mut jobs = Stage::new("jobs");
    jobs.run(&["take", "mail"], "");
    jobs.run(&["add", "mail"], "ada@example.org\n\nzoë@example.org\n");
    jobs.run(&["add", "print"], "page 1\n");
    jobs.run(&["add", "mail"], "tim@example.org");
    jobs.run(&["take", "mail"], "");
    jobs.run(&["drain", "mail"], "");
    jobs.run(&["drain", "mail"], "");
    jobs.run(&["take", "print"], "");
    jobs.run(&["add", &"k".repeat(129)], "one\n");
    jobs.run(&["add"], "");
    jobs.refused_without_its_capabilities();
}

#[test]
fn secrets_sign_a_message_and_fill_a_request() {
    let mut webhook = Stage::new("webhook");
    let web = servers::web();
    webhook.knows_port("HTTP", web);
    let url = format!("http://web.test:{web}/hook");
    webhook.run(&[&url], "{\"deployed\": true}\n");
    webhook.secret("WEBHOOK_KEY", "key of the webhook", &[]);
    webhook.run(&[&url], "{\"deployed\": true}\n");
    webhook.secret("WEBHOOK_TOKEN", servers::TOKEN, &[]);
    webhook.run(&[&url], "{\"deployed\": true}\n");
    webhook.secret("WEBHOOK_TOKEN", servers::TOKEN, &["https://web.test:*"]);
    webhook.run(&[&url], "{\"deployed\": true}\n");
    let hosts = ["http://web.test:*", "http://169.254.169.254"];
    webhook.secret("WEBHOOK_TOKEN", "another token", &hosts);
    webhook.run(&[&url], "{\"deployed\": true}\n");
    webhook.secret("WEBHOOK_TOKEN", servers::TOKEN, &hosts);
    webhook.run(&[&url], "{\"deployed\": true}\n");
    webhook.run(&[&url], &"0123456789".repeat(1_000));
    webhook.run(&["http://169.254.169.254/hook"], "x");
    webhook.refused_without_its_capabilities();
}

#[test]
fn net_checks_links() {
    let mut links = Stage::new("link-check");
    let web = servers::web();
    links.knows_port("HTTP", web);
    let list = ["page", "moved", "get-only", "gone"]
        .map(|path| format!("http://web.test:{web}/{path}\n"))
        .concat();
    links.run(&[], &list[..list.find("moved").unwrap() + "moved\n".len()]);
    links.run(&[], &list);
    links.run(&[], "http://169.254.169.254/\nfile:///etc/passwd\n");
    links.scoped(r#"{"net": ["http://other.test:80"]}"#);
    links.run(&[], &format!("http://web.test:{web}/page\n"));
    links.refused_without_its_capabilities();
}

#[test]
fn browse_reads_a_page() {
    let mut page = Stage::new("page-text");
    let web = servers::web();
    page.knows_port("HTTP", web);
    let url = |path: &str| format!("http://web.test:{web}/{path}");
    page.run(&[&url("page")], "");
    page.run(&["--links", &url("page")], "");
    page.run(&[&url("gone")], "");
    page.run(&["http://10.0.0.1/"], "");
    page.run(&["--links"], "");
    page.refused_without_its_capabilities();
}

#[test]
fn llm_answers() {
    let mut ask = Stage::new("ask");
    ask.model(servers::model());
    ask.run(&["What", "is this?"], "a \"text\"\nof two\tlines, ä\n");
    ask.run(&["-w", "Why?"], "");
    ask.run(&["-m", "small", "Why?"], "");
    ask.run(&["Break off."], "");
    ask.run(&[], "text");
    ask.scoped(r#"{"llm": ["large"]}"#);
    ask.run(&["-m", "small", "Why?"], "");
    ask.refused_without_its_capabilities();
}

#[test]
fn tcp_and_tls_show_a_banner() {
    let mut banner = Stage::new("banner");
    let (mail, (secure, root)) = (servers::mail(), servers::secure("web.test"));
    banner.knows_port("MAIL", mail);
    banner.knows_port("TLS", secure);
    banner.trust(root);
    let (mail, secure) = (mail.to_string(), secure.to_string());
    banner.run(&["mail.test", &mail], "");
    banner.run(&["-t", "web.test", &secure], "HEAD / HTTP/1.0\r\n\r\n");
    banner.run(&["-t", "mail.test", &secure], "HEAD / HTTP/1.0\r\n\r\n");
    banner.run(&["169.254.169.254", "80"], "");
    banner.run(&["mail.test", "eighty"], "");
    banner.scoped(r#"{"net": ["tcp://mail.test:*"]}"#);
    banner.run(&["mail.test", &mail], "");
    banner.run(&["-t", "web.test", &secure], "HEAD / HTTP/1.0\r\n\r\n");
    banner.refused_without_its_capabilities();
}

#[test]
fn udp_asks_a_name_server() {
    let mut dns = Stage::new("dns-ask");
    let port = servers::names();
    dns.knows_port("DNS", port);
    let server = format!("ns.test:{port}");
    for kind in ["A", "AAAA", "MX", "TXT", "CNAME"] {
        dns.run(&[&server, "www.example.org", kind], "");
    }
    dns.run(&[&server, "gone.example.org"], "");
    dns.run(&[&server, "two..dots"], "");
    dns.run(&["192.168.0.1", "www.example.org"], "");
    dns.run(&[&server, "www.example.org", "ANY"], "");
    dns.refused_without_its_capabilities();
}

#[test]
fn exec_gives_an_environment() {
    let mut with_env = Stage::new("with-env");
    with_env.run(&["LANG=de", "TEXT=a b = c", "wbox", "env"], "");
    with_env.run(&["wbox", "sort", "-r"], "a\nä\nb\n");
    with_env.run(&["jq", "."], "{");
    with_env.run(&["A=1", "nothing-of-this-name"], "");
    with_env.run(&["A=1"], "");
    with_env.scoped(r#"{"commands": ["jq"]}"#);
    with_env.run(&["wbox", "env"], "");
    with_env.refused_without_its_capabilities();
}

#[test]
fn commands_make_a_pipe() {
    let mut keys = Stage::new("json-keys");
    keys.run(&[], "{\"b\": 1, \"a\": 2}\n{\"a\": 3}\n{}\n");
    keys.run(&[], "");
    keys.run(&[], "{\"a\": \n");
    keys.scoped(r#"{"commands": ["jq"]}"#);
    keys.run(&[], "{\"a\": 1}\n");
    keys.refused_without_its_capabilities();
}

#[test]
fn commands_are_run_from_javascript() {
    let mut shout = Stage::new("shout-first");
    let lines = "{\"name\": \"straße\"}\n{\"name\": \"ada\"}\n";
    shout.run(&["name"], lines);
    shout.run(&["name"], "{");
    shout.run(&[], "");
    shout.refused_without_its_capabilities();
}

#[test]
fn parallel_runs_a_command_for_each_line() {
    let mut each = Stage::new("each-line");
    let names: Vec<_> = (1..=40).map(|n| format!("name {n}\n")).collect();
    let names = names.concat();
    each.run(&["upper"], &names);
    each.run(&["upper"], "");
    each.run(&["wbox"], "one\n");
    each.run(&["nothing-of-this-name"], "one\n");
    each.run(&["upper"], &"line\n".repeat(1_025));
    each.refused_without_its_capabilities();
}

/// What the examples above do in one language, in the other one.
#[test]
fn c_reaches_what_the_examples_reach_in_javascript() {
    let caps = [Cap::Browse, Cap::Exec, Cap::Net, Cap::Udp];
    let mut twins = Stage::of_source("in-c", Lang::C, include_str!("in-c.c"), &caps);
    let (web, echo) = (servers::web(), servers::echo());
    twins.knows_port("HTTP", web);
    twins.knows_port("UDP", echo);
    twins.run(&["web.test", &web.to_string(), &echo.to_string()], "");
    twins.refused_without_its_capabilities();
}

#[test]
fn javascript_reaches_what_the_examples_reach_in_c() {
    let caps = [
        Cap::Llm,
        Cap::Net,
        Cap::Parallel,
        Cap::Secrets,
        Cap::Tcp,
        Cap::Tls,
    ];
    let mut twins = Stage::of_source("in-js", Lang::Js, include_str!("in-js.js"), &caps);
    let (secure, root) = servers::secure("web.test");
    let (web, mail) = (servers::web(), servers::mail());
    twins.trust(root);
    twins.model(servers::model());
    for (name, port) in [("HTTP", web), ("MAIL", mail), ("TLS", secure)] {
        twins.knows_port(name, port);
    }
    twins.secret("KEY", "key of the webhook", &[]);
    twins.secret("TOKEN", servers::TOKEN, &["http://web.test:*"]);
    let ports = [web, mail, secure].map(|port| port.to_string());
    twins.run(&[&ports[0], &ports[1], &ports[2]], "");
    twins.refused_without_its_capabilities();
}
