//! One toolkit on real services, and the transcript of what it did.

use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;

use wb_build::lane;
use wb_dock::cap::Failure;
use wb_dock::{Grant, Invocation, Outcome, Services, Session};
use wb_manifest::Lang;
use wb_policy::{Cap, CapSet, Origin, Profile, Scopes, Trust};
use wb_services::{
    Egress, Format, HttpBrowse, HttpClient, HttpLlm, OsSockets, Owner, Provider, Secret, Sqlite,
    Tls, Vault,
};

use crate::servers::{MODEL_KEY, Names};
use crate::workshop::{self, Built, BuiltIns};

/// Whose files, keys, messages and secrets the toolkits use.
const TENANT: &str = "garden";

pub(crate) struct Stage {
    id: &'static str,
    toolkit: Built,
    grant: Grant,
    services: Services,
    vault: Arc<Vault>,
    /// Ports that differ from run to run, and what the transcript calls them.
    ports: Vec<(String, String)>,
    transcript: String,
}

impl Stage {
    /// The toolkit `id`, granted what its manifest declares.
    pub(crate) fn new(id: &'static str) -> Self {
        Self::with(id, workshop::build(id))
    }

    /// A command of one source file, granted `caps`.
    pub(crate) fn of_source(id: &'static str, lang: Lang, source: &str, caps: &[Cap]) -> Self {
        let tree = lane::inline_tree(lang, source.to_owned()).unwrap();
        let built = Built {
            caps: caps.iter().copied().collect(),
            trust: Trust::FirstParty,
            program: workshop::compile(lang, tree),
        };
        Self::with(id, built)
    }

    fn with(id: &'static str, toolkit: Built) -> Self {
        let (caps, trust) = (toolkit.caps, toolkit.trust);
        let grant = Grant::decide(caps, trust, &Profile::posix(), None).unwrap();
        let store = Arc::new(Sqlite::in_memory());
        let session = Session {
            id: "one".to_owned(),
            tenant: TENANT.to_owned(),
        };
        let vault = Arc::new(Vault::in_memory());
        let services = Services::default()
            .session(session)
            .commands(Arc::new(BuiltIns::new()))
            .vfs(store.clone())
            .kv(store.clone())
            .queue(store)
            .secrets(vault.clone());
        let mut stage = Self {
            id,
            toolkit,
            grant,
            services,
            vault,
            ports: Vec::new(),
            transcript: String::new(),
        };
        stage.connect(Tls::system());
        stage
    }

    /// Puts the network behind the capabilities, this machine within its reach.
    fn connect(&mut self, tls: Tls) {
        let client = HttpClient::new(egress(), tls.clone()).secrets(self.vault.clone());
        let services = self.services.clone();
        self.services = services
            .sockets(Arc::new(OsSockets::new(egress(), tls)))
            .browse(Arc::new(HttpBrowse::new(client.clone())))
            .net(Arc::new(client));
    }

    /// Trusts the certificate `root` as well.
    pub(crate) fn trust(&mut self, root: Vec<u8>) {
        self.connect(Tls::with_roots([root]));
    }

    /// Puts the model at `port` behind `llm`.
    pub(crate) fn model(&mut self, port: u16) {
        let base = format!("http://model.test:{port}/v1");
        let provider = Provider::new(Format::OpenAi, base, "large").key("MODEL");
        let keys = |name: &str, _: &Origin| match name {
            "MODEL" => Ok(MODEL_KEY.as_bytes().to_vec().into()),
            _ => Err(Failure::unavailable("no such key")),
        };
        let client = HttpClient::new(egress(), Tls::system());
        let llm = HttpLlm::new(client, provider).keys(Arc::new(keys));
        self.services = self.services.clone().llm(Arc::new(llm));
        self.knows_port("MODEL", port);
    }

    /// Calls a port in the transcript by a name.
    pub(crate) fn knows_port(&mut self, name: &str, port: u16) {
        self.ports.push((port.to_string(), format!("{{{name}}}")));
    }

    /// Keeps a secret, which may be sent to `hosts` and nowhere else.
    pub(crate) fn secret(&mut self, name: &str, value: &str, hosts: &[&str]) {
        let secret = Secret::token(value);
        let hosts_read = hosts.iter().map(|host| host.parse().unwrap());
        let secret = hosts_read.fold(secret, Secret::only_to);
        let owner = Owner::Tenant(TENANT.to_owned());
        self.vault.set(owner, name, secret).unwrap();
        writeln!(self.transcript, "# the vault has {name} for {hosts:?}\n").unwrap();
    }

    /// Narrows what is granted from here on.
    pub(crate) fn scoped(&mut self, scopes: &str) {
        let narrow: Scopes = serde_json::from_str(scopes).unwrap();
        self.grant = self.grant.clone().narrow_scopes(&narrow);
        writeln!(self.transcript, "# granted within {scopes}\n").unwrap();
    }

    /// Runs the toolkit's command, and notes what went in and came out.
    pub(crate) fn run(&mut self, args: &[&str], stdin: &str) {
        let Outcome {
            stdout,
            stderr,
            exit_code,
            ..
        } = {
            let admitted = self.toolkit.program.admit(&self.grant, &self.services);
            let invocation = Invocation::new(self.id)
                .args(args.iter().copied())
                .stdin(stdin.as_bytes().to_vec());
            let ran = admitted.unwrap().run(invocation);
            ran.unwrap_or_else(|error| panic!("{args:?}: {error}"))
        };
        let mut said = format!("$ {}", self.id);
        for arg in args {
            let plain = !arg.is_empty() && !arg.contains([' ', '"', '\'']);
            let _ = if plain {
                write!(said, " {arg}")
            } else {
                write!(said, " {arg:?}")
            };
        }
        said.push('\n');
        quote(&mut said, "< ", stdin.as_bytes());
        quote(&mut said, "  ", &stdout);
        quote(&mut said, "! ", &stderr);
        if exit_code != 0 {
            writeln!(said, "= {exit_code}").unwrap();
        }
        for (port, name) in &self.ports {
            // Not where its digits are part of another number.
            for before in [':', ' '] {
                said = said.replace(&format!("{before}{port}"), &format!("{before}{name}"));
            }
        }
        self.transcript.push_str(&said);
        self.transcript.push('\n');
    }

    /// Takes each declared capability away in turn, which must be missed, and then all of
    /// them; then holds the transcript against the golden one.
    pub(crate) fn refused_without_its_capabilities(mut self) {
        let declared = self.toolkit.caps;
        for cap in declared.iter() {
            let all_else = declared.difference(CapSet::of(cap));
            let grant = self.grant.clone().narrow_caps(all_else);
            let refused = self.toolkit.program.admit(&grant, &self.services);
            let refused = refused.expect_err("it uses all that it declares");
            assert_eq!(refused.code(), "dock/not-granted");
            assert!(
                refused.to_string().contains(&format!("`{cap}`")),
                "{refused}"
            );
        }
        let refused = self.toolkit.program.admit(&Grant::none(), &self.services);
        let refused = refused.expect_err("nothing is granted");
        writeln!(self.transcript, "# granted nothing\n\n! {refused}").unwrap();
        golden(self.id, &self.transcript);
    }
}

/// Where the toolkits may go: the public internet, as everybody, and the servers of the tests.
fn egress() -> Egress {
    Egress::public()
        .allow("127.0.0.0/8".parse().unwrap())
        .resolver(Arc::new(Names))
}

/// Adds a text line by line, each behind a mark. What is long is cut in the middle.
fn quote(to: &mut String, mark: &str, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (number, line) in lines.iter().enumerate() {
        if number == 4 && lines.len() > 30 {
            writeln!(to, "{mark}({} lines)", lines.len() - 8).unwrap();
        }
        if lines.len() > 30 && (4..lines.len() - 4).contains(&number) {
            continue;
        }
        let end = if line.ends_with('\n') {
            ""
        } else {
            "(no line break)"
        };
        let line = line.trim_end_matches('\n');
        let line = match line.char_indices().nth(400) {
            Some((at, _)) => format!("{}({} bytes)", &line[..at], line.len() - at),
            None => line.to_owned(),
        };
        writeln!(to, "{mark}{line}{end}").unwrap();
    }
}

/// Holds `found` against the golden transcript, or writes it.
fn golden(id: &str, found: &str) {
    let path = workshop::fixtures("transcripts").join(format!("{id}.txt"));
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, found).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        wanted == found,
        "{id}.txt differs:\n--- wanted\n{wanted}\n--- found\n{found}"
    );
}
