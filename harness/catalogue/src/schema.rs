//! JSON Schemas of the catalogue's files, for editors.

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::{
    Expectations, Fault, PRIMITIVES, Peer, Primitive, Scenario, Section, Suite, Topology, decode::Decode,
    model::AnyCapability,
};

/// The JSON Schema (2020-12) of each kind of file, by the name of its folder; `capabilities` is the single file.
pub fn schemas() -> IndexMap<&'static str, Value> {
    let mut schemas: IndexMap<&'static str, Value> = Section::ALL
        .into_iter()
        .map(|section| {
            let schema = match section {
                Section::Cases => Scenario::schema(),
                Section::Expectations => Expectations::schema(),
                Section::Faults => fault(),
                Section::Peers => peer(),
                Section::Suites => Suite::schema(),
                Section::Topologies => Topology::schema(),
            };
            (section.folder(), document(section.noun(), schema))
        })
        .collect();
    let capabilities = IndexMap::<String, AnyCapability>::schema();
    schemas.insert("capabilities", document("capabilities", capabilities_file(capabilities)));
    schemas
}

fn document(title: &str, schema: Value) -> Value {
    let mut document = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title});
    if let (Some(document), Value::Object(fields)) = (document.as_object_mut(), schema) {
        document.extend(fields);
    }
    document
}

fn capabilities_file(map: Value) -> Value {
    json!({"oneOf": [
        {"type": "object", "properties": {"capabilities": map}, "required": ["capabilities"], "additionalProperties": false},
        map,
    ]})
}

/// What `with` may have depends on the primitive.
fn fault() -> Value {
    let mut schema = Fault::schema();
    let names: Vec<Value> =
        PRIMITIVES.iter().map(|primitive| json!({"const": primitive.name, "description": primitive.about()})).collect();
    schema["properties"]["primitive"] = json!({"oneOf": names});
    schema["allOf"] = PRIMITIVES.iter().map(fields_of).collect();
    schema
}

fn fields_of(primitive: &Primitive) -> Value {
    let fields = primitive.fields();
    let required: Vec<&String> = fields.iter().filter(|(.., required)| *required).map(|(name, ..)| name).collect();
    let properties: serde_json::Map<String, Value> =
        fields.iter().map(|(name, about, _)| (name.clone(), json!({"description": about}))).collect();
    json!({
        "if": {"properties": {"primitive": {"const": primitive.name}}},
        "then": {
            "required": ["with"],
            "properties": {
                "with": {"properties": properties, "required": required, "additionalProperties": false}
            }
        },
    })
}

/// A peer that extends another one may leave out everything but its id and title.
fn peer() -> Value {
    let mut schema = Peer::schema();
    let required = schema["required"].take();
    schema["required"] = json!(["id", "title"]);
    schema["if"] = json!({"not": {"required": ["extends"]}});
    schema["then"] = json!({"required": required});
    schema
}
