{
  description = "Just enough of nixpkgs to evaluate and run the flake where the real one is not to be had";

  outputs =
    _:
    let
      lib = import ./lib.nix // {
        nixosSystem = { modules }: import ./os.nix { inherit lib modules packages; };
      };
      packages = system: import ./packages.nix { inherit lib system; };
    in
    {
      inherit lib;
      legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] packages;
    };
}
