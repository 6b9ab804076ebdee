# The outputs of the flake with the nixpkgs of a directory, which is not copied to the store for that.
{ nixpkgs }:
let
  source = {
    outPath = nixpkgs;
  };
  packages =
    (import "${nixpkgs}/flake.nix").outputs {
      self = packages // source;
    }
    // source;
  flake = (import ../../flake.nix).outputs {
    self = flake;
    nixpkgs = packages;
  };
in
flake // { inherit (packages) lib; }
