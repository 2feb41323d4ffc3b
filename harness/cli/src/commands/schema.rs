//! `schema`

use std::fs;
use std::process::ExitCode;

use interop_catalogue::schemas;
use interop_evidence::Exit;

use super::print;
use crate::args::SchemaArgs;
use crate::load::complain;

pub(crate) fn schema(args: &SchemaArgs) -> ExitCode {
    let Some(folder) = &args.out else {
        let all: serde_json::Map<String, serde_json::Value> =
            schemas().into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
        print(&format!("{:#}\n", serde_json::Value::Object(all)));
        return ExitCode::SUCCESS;
    };
    for (name, schema) in schemas() {
        let path = folder.join(format!("{name}.json"));
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, format!("{schema:#}\n")));
        if let Err(error) = written {
            complain(&format!("failed to write {}: {error}", path.display()));
            return crate::exit(Exit::Usage);
        }
        print(&format!("{}\n", path.display()));
    }
    ExitCode::SUCCESS
}
