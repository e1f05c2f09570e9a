//! The user's own registry clients, called by name.
//!
//! Which registry they talk to, through which proxy and with which credentials is
//! their configuration's business; nothing of it is read or written here.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bytes::Bytes;
use wb_build::toolchain::{Client, Pack, Package};
use wb_build::{Error, ErrorKind};

use crate::TreeLimits;

/// Most lines of a client's complaint that are shown.
const LINES: usize = 6;

/// Largest archive that is read.
const MOST: u64 = 256 << 20;

/// How the clients are called.
#[derive(Clone, Debug)]
pub(super) struct Clients {
    /// The program that speaks to npm's registry.
    pub npm: PathBuf,
    /// The program that speaks to cargo's.
    pub cargo: PathBuf,
    /// Whether they may use their caches only.
    pub offline: bool,
}

impl Default for Clients {
    fn default() -> Self {
        Self {
            npm: if cfg!(windows) { "npm.cmd" } else { "npm" }.into(),
            cargo: "cargo".into(),
            offline: false,
        }
    }
}

/// Fetches the package of a pack into `scratch`, an empty directory.
pub(super) fn fetch(clients: &Clients, pack: &Pack, scratch: &Path) -> Result<Package, Error> {
    let what = format!("{}@{}", pack.package, pack.version);
    match pack.client {
        Client::Npm => {
            let mut archives = npm_pack(clients, &[&what], scratch)?;
            match (archives.pop(), archives.is_empty()) {
                (Some(archive), true) => Ok(Package::Archive(archive)),
                _ => Err(failed(&what, "npm left no single archive")),
            }
        }
        Client::Cargo => cargo_source(clients, pack, scratch),
    }
}

/// Has npm download packages, `name@version` each, and gives their archives in
/// no particular order. Install scripts do not run: nothing is installed.
pub(super) fn npm_pack(
    clients: &Clients,
    packages: &[&str],
    scratch: &Path,
) -> Result<Vec<Bytes>, Error> {
    let what = packages.join(", ");
    let mut npm = Command::new(&clients.npm);
    npm.args(["pack", "--ignore-scripts", "--loglevel=error"]);
    npm.arg("--pack-destination").arg(scratch);
    if clients.offline {
        npm.arg("--offline");
    }
    npm.arg("--").args(packages).current_dir(scratch);
    run(npm, "npm", &what)?;
    let mut archives = Vec::new();
    let listing = std::fs::read_dir(scratch).map_err(|e| host(&what, e))?;
    for entry in listing {
        let path = entry.map_err(|e| host(&what, e))?.path();
        if path.extension().is_some_and(|e| e == "tgz") {
            let bytes = crate::tree::read_file(&path, MOST).map_err(|e| host(&what, e))?;
            archives.push(Bytes::from(bytes));
        }
    }
    Ok(archives)
}

/// Has cargo download a crate, by way of a scratch crate that depends on it, and
/// reads the files from where cargo says they are.
fn cargo_source(clients: &Clients, pack: &Pack, scratch: &Path) -> Result<Package, Error> {
    let what = format!("{}@{}", pack.package, pack.version);
    let manifest = format!(
        "[package]\nname = \"wb-scratch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\
         [lib]\npath = \"lib.rs\"\n\
         [dependencies]\n{} = {{ version = \"={}\", default-features = false }}\n\
         # Apart from any workspace around this directory.\n[workspace]\n",
        pack.package, pack.version
    );
    std::fs::write(scratch.join("Cargo.toml"), manifest).map_err(|e| host(&what, e))?;
    std::fs::write(scratch.join("lib.rs"), "").map_err(|e| host(&what, e))?;
    let mut cargo = Command::new(&clients.cargo);
    cargo
        .args(["metadata", "--format-version=1", "--quiet"])
        // Packages for other platforms would be fetched for nothing.
        .arg("--filter-platform=wasm32-wasip1")
        .current_dir(scratch);
    if clients.offline {
        cargo.arg("--offline");
    }
    let stdout = run(cargo, "cargo", &what)?;
    let metadata: Metadata = serde_json::from_slice(&stdout)
        .map_err(|e| failed(&what, format!("cargo metadata: {e}")))?;
    let found = metadata
        .packages
        .iter()
        .find(|p| p.name == pack.package && p.version == pack.version);
    let folder = found
        .and_then(|p| Path::new(&p.manifest_path).parent())
        .ok_or_else(|| failed(&what, "cargo did not fetch it"))?;
    // Only the folders the lock takes from: a crate may hold anything else.
    let mut files = wb_manifest::Tree::new();
    for member in &pack.members {
        let Some(prefix) = member.from.strip_suffix('/') else {
            continue;
        };
        let inner = crate::tree::read(&folder.join(prefix), TreeLimits::default())
            .map_err(|e| host(&what, e))?;
        for (path, bytes) in inner {
            let path = format!("{prefix}/{path}")
                .parse()
                .map_err(|e| failed(&what, format!("{e}")))?;
            files.insert(path, bytes);
        }
    }
    Ok(Package::Files(files))
}

#[derive(serde::Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
}

#[derive(serde::Deserialize)]
struct MetadataPackage {
    name: String,
    version: String,
    manifest_path: String,
}

/// Runs a client to its end and gives its standard output.
fn run(mut command: Command, program: &str, what: &str) -> Result<Vec<u8>, Error> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => failed(
                what,
                format!("`{program}` is not installed, expected it on the PATH"),
            ),
            _ => host(what, e),
        })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(failed(what, complaint(program, &output.stderr)))
}

/// The lines of a client's error that help: without paths of its own logs.
fn complaint(program: &str, stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines = || {
        text.lines()
            .map(|line| line.trim().trim_start_matches("npm error ").trim())
            .filter(|line| !line.is_empty() && !line.contains("complete log of this run"))
            .filter(|line| !line.contains(std::path::MAIN_SEPARATOR) || line.contains("://"))
    };
    // The code says nothing that the words after it do not say better, if there are any.
    let mut told: Vec<_> = lines().filter(|line| !line.starts_with("code E")).collect();
    if told.is_empty() {
        told = lines().collect();
    }
    told.truncate(LINES);
    if told.is_empty() {
        return format!("{program} failed without saying why");
    }
    format!("{program} says: {}", told.join("; "))
}

fn failed(what: &str, message: impl Into<String>) -> Error {
    ErrorKind::Fetch {
        what: format!("package `{what}`"),
        message: message.into(),
    }
    .into()
}

fn host(what: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    ErrorKind::Host {
        what: format!("cannot fetch package `{what}`"),
        source: source.into(),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_keeps_what_helps() {
        let stderr = b"npm error code E404\nnpm error 404 Not Found - GET https://r.example/p\n\
            npm error A complete log of this run can be found in: /home/u/.npm/_logs/x.log\n";
        assert_eq!(
            complaint("npm", stderr),
            "npm says: 404 Not Found - GET https://r.example/p"
        );
        assert_eq!(complaint("npm", b""), "npm failed without saying why");
    }
}
