use serde_json::json;
use wb_host::ErrorKind;

use crate::args::Rows;
use crate::done::Done;
use crate::env::Env;
use crate::failure::Failure;

/// `wbx toolkit rows ID [ENTITY]`: a line of JSON for each row.
pub(crate) fn run(args: &Rows, env: &Env) -> Result<Done, Failure> {
    let catalog = env.catalog();
    let (id, place) = catalog.find(&args.id)?;
    let nexus = env.nexus();
    let source = nexus.source(place, &id)?;
    let Some(entity) = &args.entity else {
        let data = json!({ "id": id, "entities": source.entities() });
        return Ok(Done::new(source.entities().join("\n"), data));
    };
    if env.offline {
        let what = format!("what the source of `{id}` has");
        return Err(wb_host::Error::from(ErrorKind::Offline { what }).into());
    }
    let profile = nexus.profile(&args.profile)?;
    let rows = nexus.rows(&source, entity, &profile)?;
    let lines: Vec<_> = rows.iter().map(|row| json!(row).to_string()).collect();
    let data = json!({ "id": id, "entity": entity, "rows": rows });
    Ok(Done::new(lines.join("\n"), data))
}
