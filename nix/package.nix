# One of the two programs, with the tests of its crates.
{
  lib,
  rustPlatform,
  pname,
  crates,
  buildType,
  description,
}:
let
  root = ../.;
  manifest = builtins.fromTOML (builtins.readFile (root + "/Cargo.toml"));
in
rustPlatform.buildRustPackage {
  inherit pname buildType;
  inherit (manifest.workspace.package) version;

  # Documents can change without a build.
  src = lib.fileset.toSource {
    inherit root;
    fileset = lib.fileset.unions [
      (root + "/.cargo")
      (root + "/Cargo.lock")
      (root + "/Cargo.toml")
      (root + "/agent")
      (root + "/api")
      (root + "/docs/METRICS.md")
      (root + "/nixos-module")
      (root + "/tests")
      (root + "/ui")
    ];
  };

  cargoLock.lockFile = root + "/Cargo.lock";

  cargoBuildFlags = [
    "--package"
    pname
  ];
  # What is shipped is optimised as a whole, which would make a build of the tests take an hour.
  checkType = "debug";
  cargoTestFlags = lib.concatMap (crate: [
    "--package"
    crate
  ]) crates;

  meta = {
    inherit description;
    license = lib.licenses.asl20;
    mainProgram = pname;
    platforms = lib.platforms.linux;
  };
}
