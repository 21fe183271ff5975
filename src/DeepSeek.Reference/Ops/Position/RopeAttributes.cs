namespace DeepSeek.Reference.Ops;

/// <summary>Attributes of <see cref="Rope"/>.</summary>
/// <param name="Layout">Pairs and where they are stored.</param>
/// <param name="Rotation">Arithmetic of the rotation.</param>
/// <param name="Magnitude">Multiplied into cos and sin, one rounding each; 1 leaves them alone (V3).</param>
public readonly record struct RopeAttributes(RopeLayout Layout, RopeRotation Rotation, float Magnitude = 1f);
