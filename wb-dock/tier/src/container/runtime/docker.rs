//! docker, which runs images: one is made of the root and removed again.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde::Deserialize;

use super::{
    NOBODY, Program, Runtime, Start, engine_options, engine_refusal, quietly, unique, user,
};
use crate::bounded::{end_after, output_within};
use crate::container::root::Root;
use crate::undo::Undo;

/// docker, its service on this machine.
#[derive(Debug)]
pub(super) struct Docker {
    client: PathBuf,
    service: OnceLock<Service>,
    /// The image of the root, once there is one. Goes before the root does.
    image: Mutex<Option<Image>>,
    root: Root,
}

/// An image that was made here.
#[derive(Debug)]
struct Image {
    name: String,
    _removal: Undo,
}

/// What the service says of itself (`docker info`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Service {
    memory_limit: bool,
    pids_limit: bool,
    cpu_cfs_quota: bool,
    security_options: Option<Vec<String>>,
}

/// How long the service may take to say something of itself.
const ASKING: Duration = Duration::from_secs(20);

/// How long the service may take to make an image.
const IMPORTING: Duration = Duration::from_mins(2);

/// Variables that the client sets in every container if its configuration says so
/// (`docker run`, "proxies" in `config.json`), with what may be passwords in them: in
/// capitals and in small letters.
const PROXIES: [&str; 5] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "FTP_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
];

impl Docker {
    pub(super) fn new(client: PathBuf, root: Root) -> Self {
        Self {
            client,
            service: OnceLock::new(),
            image: Mutex::default(),
            root,
        }
    }

    fn service(&self) -> &Service {
        self.service.get_or_init(|| Service::ask(&self.client))
    }

    /// The file that says that the container `id` was made.
    fn cid(&self, id: &str) -> PathBuf {
        self.root.beside(&format!("{id}.cid"))
    }

    /// The options for a container called `id`.
    fn options(&self, id: &str, program: &Program) -> Vec<String> {
        let user = match &program.writable {
            None => (NOBODY, NOBODY),
            // Who started the service is the superuser inside, and an ordinary one outside.
            Some(_) if self.service().is_rootless() => (0, 0),
            Some(_) => user(),
        };
        let mut options = engine_options(id, program, user);
        for proxy in PROXIES {
            options.push(format!("--env={proxy}="));
            options.push(format!("--env={}=", proxy.to_lowercase()));
        }
        options.push(format!("--cidfile={}", self.cid(id).display()));
        options
    }

    /// The image of the root, made with the first container.
    fn image(&self) -> io::Result<String> {
        let mut image = self.image.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(image) = &*image {
            return Ok(image.name.clone());
        }
        let name = unique("wb-root")?;
        let mut remove = Command::new(&self.client);
        remove.args(["rmi", "--force", &name]);
        let removal = Undo::new(move || quietly(remove))?;
        import(&self.client, &self.root.path(), &name)?;
        *image = Some(Image {
            name: name.clone(),
            _removal: removal,
        });
        Ok(name)
    }
}

impl Service {
    /// What it says of itself; nothing good if it does not answer.
    fn ask(client: &Path) -> Self {
        let mut info = Command::new(client);
        info.args(["info", "--format", "{{json .}}"]);
        info.stdin(Stdio::null()).stdout(Stdio::piped());
        let said = output_within(info.stderr(Stdio::null()), ASKING);
        let said = said.ok().filter(|said| said.status.success());
        said.and_then(|said| serde_json::from_slice(&said.stdout).ok())
            .unwrap_or_default()
    }

    /// Whether it runs without the superuser.
    fn is_rootless(&self) -> bool {
        let mut options = self.security_options.iter().flatten();
        options.any(|option| option.split(',').any(|part| part == "name=rootless"))
    }

    /// Without control groups of its own it leaves limits away.
    fn hold_limits(&self) -> Result<(), String> {
        let limits = [
            (self.memory_limit, "memory"),
            (self.pids_limit, "processes"),
            (self.cpu_cfs_quota, "processors"),
        ];
        let missing: Vec<_> = limits
            .iter()
            .filter_map(|(is_limited, what)| (!is_limited).then_some(*what))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let missing = missing.join(", ");
        Err(format!("has no service that limits {missing}"))
    }
}

/// Has `docker import` make an image of the directory `root`, called `name`.
///
/// The name is ours: what the client says of the new image differs between services.
fn import(client: &Path, root: &Path, name: &str) -> io::Result<()> {
    let mut child = Command::new(client)
        .args(["import", "-", name])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    end_after(&mut child, IMPORTING)?;
    // What it complains of is short, so it never waits for us while we write.
    let written = child.stdin.take().map(|stdin| archive(root, stdin));
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(said.trim().to_owned()));
    }
    written.transpose()?;
    Ok(())
}

/// Writes everything below `root` as a tar archive.
fn archive(root: &Path, to: impl Write) -> io::Result<()> {
    let mut archive = tar::Builder::new(to);
    // Nothing of when and by whom it was made: the same root, the same image.
    archive.mode(tar::HeaderMode::Deterministic);
    archive.append_dir_all(".", root)?;
    archive.into_inner()?.flush()
}

impl Runtime for Docker {
    fn start(&self, id: &str, program: &Program) -> io::Result<Start> {
        let mut command = Command::new(&self.client);
        command
            .args(self.options(id, program))
            .arg(self.image()?)
            .arg(self.root.binary())
            .args(&program.args);
        let mut remove = Command::new(&self.client);
        remove.args(["rm", "--force", id]);
        let cid = self.cid(id);
        let end = Undo::new(move || {
            quietly(remove);
            let _ = fs::remove_file(cid);
        })?;
        Ok(Start { command, end })
    }

    fn refusal(&self, id: &str, code: i32) -> Option<String> {
        engine_refusal("docker", &self.cid(id), code)
    }

    fn hold_limits(&self) -> Result<(), String> {
        self.service().hold_limits()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn an_archive_holds_the_root() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("bin")).unwrap();
        fs::write(root.path().join("bin/x"), "content").unwrap();
        let mut bytes = Vec::new();
        archive(root.path(), &mut bytes).unwrap();
        let mut found = Vec::new();
        for entry in tar::Archive::new(&bytes[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            found.push((path.trim_start_matches("./").to_owned(), content));
        }
        assert!(
            found.contains(&("bin/x".to_owned(), "content".to_owned())),
            "{found:?}"
        );
    }

    #[test]
    fn what_docker_says_is_the_error() {
        let root = tempfile::tempdir().unwrap();
        // Called as docker is, it complains of a file called `import`.
        let error = import(Path::new("cat"), root.path(), "wb-root").unwrap_err();
        assert!(error.to_string().contains("import"), "{error}");
    }
    #[test]
    fn nothing_of_the_clients_configuration_gets_in() {
        let root = Root::new(Path::new("/bin/true"), "/bin/true".to_owned()).unwrap();
        let docker = Docker::new("docker".into(), root);
        let program = Program {
            args: Vec::new(),
            memory: 64 << 20,
            writable: None,
        };
        let options = docker.options("wb-1", &program);
        for wanted in [
            "--env=HTTPS_PROXY=",
            "--env=https_proxy=",
            "--env=no_proxy=",
        ] {
            assert!(options.iter().any(|option| option == wanted), "{wanted}");
        }
    }

    #[test]
    fn a_service_says_what_it_limits_and_who_it_is() {
        let said = r#"{"MemoryLimit":true,"PidsLimit":true,"CpuCfsQuota":true,"Driver":"x",
            "SecurityOptions":["name=seccomp,profile=builtin","name=rootless"]}"#;
        let rootless: Service = serde_json::from_str(said).unwrap();
        assert!(rootless.is_rootless());
        assert_eq!(rootless.hold_limits(), Ok(()));
        let weak = Service {
            pids_limit: false,
            security_options: None,
            ..rootless
        };
        assert!(!weak.is_rootless());
        let said = weak.hold_limits().unwrap_err();
        assert_eq!(said, "has no service that limits processes");
        // `true` ends well and says nothing.
        assert_eq!(Service::ask(Path::new("true")), Service::default());
    }
}
