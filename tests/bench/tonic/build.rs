//! Generates the messages and the service from the project's own .proto files.

use std::error::Error;

const FOLDER: &str = "../../../proto";
const SERVICE: &str = "envoy/service/ext_proc/v3/external_processor.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={FOLDER}");
    tonic_prost_build::configure()
        .build_client(false)
        .bytes(".") // left where they lie in the message
        .compile_well_known_types(true)
        .include_file("proto.rs")
        .compile_fds(protox::compile([SERVICE], [FOLDER])?)?;
    Ok(())
}
