//! Guests of the C and the JavaScript lane call the Dock by the names that their lane gives them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use wb_build::Artifact;
use wb_dock::cap::{Entry, Failure, Kv, Principal, Queue, Rows, Secrets, Value, Vfs};
use wb_dock::{Grant, Invocation, Services};
use wb_manifest::Lang;
use wb_policy::{Cap, CapSet, Profile, Trust};

use crate::home::{artifact, engine};

/// Keeps what it is given, and answers each query with its parameters.
#[derive(Default)]
struct Store {
    values: Mutex<BTreeMap<String, Bytes>>,
    messages: Mutex<VecDeque<Bytes>>,
}

impl Kv for Store {
    fn get(&self, _: &Principal<'_>, key: &str) -> Result<Option<Bytes>, Failure> {
        Ok(self
            .values
            .lock()
            .expect("nobody panics with it")
            .get(key)
            .cloned())
    }

    fn put(&self, _: &Principal<'_>, key: &str, value: Bytes) -> Result<(), Failure> {
        self.values
            .lock()
            .expect("nobody panics with it")
            .insert(key.to_owned(), value);
        Ok(())
    }

    fn delete(&self, _: &Principal<'_>, key: &str) -> Result<bool, Failure> {
        Ok(self
            .values
            .lock()
            .expect("nobody panics with it")
            .remove(key)
            .is_some())
    }

    fn list(&self, _: &Principal<'_>, prefix: &str) -> Result<Vec<String>, Failure> {
        let values = self.values.lock().expect("nobody panics with it");
        Ok(values
            .keys()
            .filter(|key| key.starts_with(prefix))
            .cloned()
            .collect())
    }
}

impl Queue for Store {
    fn publish(&self, _: &Principal<'_>, _: &str, message: Bytes) -> Result<(), Failure> {
        self.messages
            .lock()
            .expect("nobody panics with it")
            .push_back(message);
        Ok(())
    }

    fn poll(&self, _: &Principal<'_>, _: &str) -> Result<Option<Bytes>, Failure> {
        Ok(self
            .messages
            .lock()
            .expect("nobody panics with it")
            .pop_front())
    }
}

impl Secrets for Store {
    fn present(&self, _: &Principal<'_>, name: &str) -> Result<bool, Failure> {
        Ok(name == "KEY")
    }

    fn sign(&self, _: &Principal<'_>, name: &str, data: &[u8]) -> Result<Bytes, Failure> {
        Ok(format!("{name} signs {}", String::from_utf8_lossy(data)).into())
    }

    fn hmac(&self, _: &Principal<'_>, name: &str, _: &[u8]) -> Result<Bytes, Failure> {
        Err(Failure::not_found(format!("there is no secret `{name}`")))
    }
}

impl Vfs for Store {
    fn query(
        &self,
        _: &Principal<'_>,
        _: &str,
        sql: &str,
        params: &[Value],
    ) -> Result<Rows, Failure> {
        Ok(Rows {
            columns: vec![sql.to_owned(); params.len()],
            rows: vec![params.to_vec()],
            changed: 7,
        })
    }

    fn read(&self, who: &Principal<'_>, path: &str) -> Result<Bytes, Failure> {
        let found = self.get(who, path)?;
        found.ok_or_else(|| Failure::not_found(format!("there is no file `{path}`")))
    }

    fn write(&self, who: &Principal<'_>, path: &str, content: Bytes) -> Result<(), Failure> {
        self.put(who, path, content)
    }

    fn remove(&self, who: &Principal<'_>, path: &str) -> Result<bool, Failure> {
        self.delete(who, path)
    }

    fn list(&self, _: &Principal<'_>, path: &str) -> Result<Vec<Entry>, Failure> {
        Ok(vec![Entry {
            name: path.to_owned(),
            is_directory: false,
            size: 3,
        }])
    }
}

/// What the program prints, with a store behind the four capabilities of storage.
fn printed(artifact: &Artifact) -> String {
    let caps = CapSet::from_iter([Cap::Vfs, Cap::Kv, Cap::Queue, Cap::Secrets]);
    let grant = Grant::decide(caps, Trust::FirstParty, &Profile::minimal(), None);
    let grant = grant.expect("it is first-party");
    let store = Arc::new(Store::default());
    let services = Services::default()
        .vfs(store.clone())
        .kv(store.clone())
        .queue(store.clone())
        .secrets(store);
    let program = engine().load(&artifact.wasm).expect("a module");
    let command = program.admit(&grant, &services).expect("all is granted");
    let outcome = command.run(Invocation::new("test")).expect("it ends");
    let stderr = String::from_utf8_lossy(&outcome.stderr);
    assert_eq!(outcome.exit_code, 0, "{stderr}");
    String::from_utf8(outcome.stdout.to_vec()).expect("text")
}

const C: &str = r#"
#include <stdio.h>
#include <wb.h>

static void show(const char *what, int32_t status, wb_bytes *b)
{
    printf("%s %d %zu:", what, status, b->len);
    for (size_t i = 0; i < b->len; i++)
        putchar(b->data[i] ? b->data[i] : '|');
    putchar('\n');
    wb_bytes_free(b);
}

int main(void)
{
    wb_bytes b;
    int32_t n = wb_kv_get("a", &b);
    show("get", n, &b);
    printf("put %d %d\n", wb_kv_put("a", "1\0002", 3), wb_kv_put("ab", "", 0));
    n = wb_kv_get("a", &b);
    show("get", n, &b);
    n = wb_kv_list("a", &b);
    show("list", n, &b);
    printf("delete %d %d\n", wb_kv_delete("ab"), wb_kv_delete("ab"));

    printf("publish %d\n", wb_publish("t", "hello", 5));
    n = wb_poll("t", &b);
    show("poll", n, &b);
    n = wb_poll("t", &b);
    show("poll", n, &b);

    printf("present %d %d\n", wb_secret_present("KEY"), wb_secret_present("NONE"));
    n = wb_secret_sign("KEY", "it", 2, &b);
    show("sign", n, &b);
    n = wb_secret_hmac("NONE", "it", 2, &b);
    show("hmac", n, &b);
    puts(wb_message());

    printf("write %d\n", wb_vfs_write("workspace/f", "abc", 3));
    n = wb_vfs_read("workspace/f", &b);
    show("read", n, &b);
    n = wb_vfs_list("workspace", &b);
    show("list", n, &b);
    n = wb_vfs_query("workspace", "SELECT ?", "[1, null, \"x\"]", &b);
    show("query", 0, &b);
    printf("remove %d\n", wb_vfs_remove("workspace/f"));
    n = wb_vfs_read("workspace/f", &b);
    show("read", n, &b);
}
"#;

const C_PRINTS: &str = r#"get 0 0:
put 0 0
get 1 3:1|2
list 2 5:a|ab|
delete 1 0
publish 0
poll 1 5:hello
poll 0 0:
present 1 0
sign 12 12:KEY signs it
hmac -1 0:
there is no secret `NONE`
write 0
read 3 3:abc
list 49 49:[{"name":"workspace","directory":false,"size":3}]
query 0 80:{"columns":["SELECT ?","SELECT ?","SELECT ?"],"rows":[[1,null,"x"]],"changed":7}
remove 1
read -1 0:
"#;

#[test]
fn c_reaches_the_storage() {
    assert_eq!(printed(&artifact(Lang::C, &[("main.c", C)])), C_PRINTS);
}

const JS: &str = r#"
import { kv, queue, secrets, vfs, DockError } from "wb";

console.log(kv.get("a"), kv.getText("a"));
kv.put("a", "ä");
kv.put("ab", new Uint8Array([0, 255]));
console.log(kv.getText("a"), kv.get("ab").join(), kv.list("a").join(), kv.list("zz").length);
console.log(kv.delete("a"), kv.delete("a"));

queue.publish("t", "hello");
console.log(queue.pollText("t"), queue.poll("t"));

console.log(secrets.present("KEY"), secrets.present("NONE"), secrets.sign("KEY", "it").length);
try {
  secrets.hmac("NONE", "it");
} catch (error) {
  console.log(error instanceof DockError, error.code, error.message);
}

vfs.write("workspace/f", "abc");
console.log(vfs.readText("workspace/f"), JSON.stringify(vfs.list("workspace")));
const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
for (const length of [0, 1, 2, 3, 256]) {
  const { rows } = vfs.query("workspace", "SELECT ?", [bytes.slice(0, length), 1.5, true]);
  const [blob, ...rest] = rows[0];
  console.log(blob.length, blob.every((byte, i) => byte === i), rest.join());
}
console.log(vfs.remove("workspace/f"), vfs.remove("workspace/f"));
try {
  kv.put("a", 1);
} catch (error) {
  console.log(`${error}`);
}
"#;

const JS_PRINTS: &str = "null null
ä 0,255 a,ab 0
true false
hello null
true false 12
true not-found there is no secret `NONE`
abc [{\"name\":\"workspace\",\"directory\":false,\"size\":3}]
0 true 1.5,1
1 true 1.5,1
2 true 1.5,1
3 true 1.5,1
256 true 1.5,1
true false
TypeError: wanted text or bytes, not number
";

#[test]
fn javascript_reaches_the_storage() {
    assert_eq!(printed(&artifact(Lang::Js, &[("index.js", JS)])), JS_PRINTS);
}

#[test]
fn javascript_needs_the_capability_of_what_it_imports() {
    let source = "import { llm, tcp } from 'wb';\nconsole.log(llm, tcp);\n";
    let program = engine()
        .load(&artifact(Lang::Js, &[("index.js", source)]).wasm)
        .unwrap();
    let refused = program
        .admit(&Grant::none(), &Services::default())
        .unwrap_err();
    let imports: Vec<_> = program
        .imports()
        .map(|(module, _)| module)
        .filter(|module| module.starts_with("wb:") && *module != "wb:reply")
        .collect();
    assert_eq!(refused.code(), "dock/not-granted");
    assert!(
        imports
            .iter()
            .all(|module| ["wb:llm", "wb:tcp"].contains(module)),
        "{imports:?}"
    );
    assert_eq!(imports.len(), 8, "{imports:?}");
}
