using System.Reflection;
using System.Text;

namespace DeepSeek.Reference.Tests.House;

/// <summary>All public types and members of an assembly, one a line, in ordinal order.</summary>
internal static class PublicApiListing
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    public static string Of(Assembly assembly)
    {
        var text = new StringBuilder();
        foreach (Type type in assembly.GetExportedTypes().OrderBy(t => t.FullName, StringComparer.Ordinal))
        {
            text.Append(TypeLine(type)).Append('\n');
            foreach (string line in Members(type).Order(StringComparer.Ordinal))
                text.Append("  ").Append(line).Append('\n');
        }

        return text.ToString();
    }

    private static string TypeLine(Type type)
    {
        string kind = type switch
        {
            { IsEnum: true } => "enum",
            { IsInterface: true } => "interface",
            { IsValueType: true } => type.IsByRefLike ? "ref struct" : "struct",
            { IsAbstract: true, IsSealed: true } => "static class",
            { IsAbstract: true } => "abstract class",
            { IsSealed: true } => "sealed class",
            _ => "class",
        };
        IEnumerable<Type> bases = type.IsEnum || type.IsValueType || type.IsInterface || type.BaseType == typeof(object) || type.BaseType is null ? [] : [type.BaseType];
        string[] above = [.. bases.Concat(type.IsEnum ? [] : type.GetInterfaces().Where(i => i.IsPublic)).Select(Name).Order(StringComparer.Ordinal)];
        return $"{kind} {(type.Namespace is null ? "" : type.Namespace + ".")}{Name(type)}{(above.Length == 0 ? "" : " : " + string.Join(", ", above))}";
    }

    private static IEnumerable<string> Members(Type type)
    {
        if (type.IsEnum)
        {
            foreach (FieldInfo value in type.GetFields(BindingFlags.Public | BindingFlags.Static))
                yield return $"{value.Name} = {Convert.ToInt64(value.GetRawConstantValue())}";
            yield break;
        }

        foreach (FieldInfo field in type.GetFields(Declared).Where(f => f.IsPublic || f.IsFamily))
            yield return $"{(field.IsLiteral ? "const " : field.IsStatic ? "static " : "")}{(field.IsInitOnly ? "readonly " : "")}{Name(field.FieldType)} {field.Name}";
        foreach (PropertyInfo property in type.GetProperties(Declared).Where(p => p.GetAccessors(true).Any(IsVisible)))
            yield return Property(property);
        foreach (EventInfo e in type.GetEvents(Declared).Where(e => IsVisible(e.AddMethod)))
            yield return $"event {Name(e.EventHandlerType!)} {e.Name}";
        foreach (ConstructorInfo constructor in type.GetConstructors(Declared).Where(c => !c.IsStatic && IsVisible(c)))
            yield return $"{Access(constructor)}new({Parameters(constructor)})";
        foreach (MethodInfo method in type.GetMethods(Declared).Where(m => IsVisible(m) && !IsAccessor(m) && !m.Name.Contains('<', StringComparison.Ordinal)))
            yield return Method(method);
    }

    private static string Property(PropertyInfo property)
    {
        MethodInfo any = property.GetAccessors(true).First(IsVisible);
        string set = !IsVisible(property.SetMethod) ? "" : property.SetMethod!.ReturnParameter.GetRequiredCustomModifiers().Length > 0 ? " init;" : " set;";
        string index = property.GetIndexParameters().Length == 0 ? "" : $"[{string.Join(", ", property.GetIndexParameters().Select(p => Name(p.ParameterType)))}]";
        return $"{Access(any)}{(any.IsStatic ? "static " : "")}{Name(property.PropertyType)} {property.Name}{index} {{{(IsVisible(property.GetMethod) ? " get;" : "")}{set} }}";
    }

    private static string Method(MethodInfo method)
    {
        string generic = method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(a => a.Name))}>" : "";
        string kind = method.IsStatic ? "static " : method.IsAbstract && !method.DeclaringType!.IsInterface ? "abstract " : "";
        return $"{Access(method)}{kind}{Name(method.ReturnType)} {method.Name}{generic}({Parameters(method)})";
    }

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(p =>
        $"{(p.IsOut ? "out " : "")}{(p.IsDefined(typeof(System.Runtime.CompilerServices.ParamCollectionAttribute), false) || p.IsDefined(typeof(ParamArrayAttribute), false) ? "params " : "")}{Name(p.IsOut ? p.ParameterType.GetElementType()! : p.ParameterType)} {p.Name}{(p.HasDefaultValue ? $" = {p.RawDefaultValue ?? "null"}" : "")}"));

    private static bool IsVisible(MethodBase? method) => method is { IsPublic: true } or { IsFamily: true } or { IsFamilyOrAssembly: true };

    private static bool IsAccessor(MethodInfo method) => method.IsSpecialName && !method.Name.StartsWith("op_", StringComparison.Ordinal);

    private static string Access(MethodBase method) => method.IsPublic ? "" : "protected ";

    private static string Name(Type type)
    {
        if (type.IsByRef)
            return "ref " + Name(type.GetElementType()!);
        if (type.IsArray)
            return Name(type.GetElementType()!) + "[]";
        if (type.IsPointer)
            return Name(type.GetElementType()!) + "*";
        if (Nullable.GetUnderlyingType(type) is { } inner)
            return Name(inner) + "?";
        string name = type.IsNested && !type.IsGenericParameter ? $"{Name(type.DeclaringType!)}.{type.Name}" : type.Name;
        if (!type.IsGenericType)
            return name;
        int tick = name.IndexOf('`', StringComparison.Ordinal);
        return $"{(tick < 0 ? name : name[..tick])}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>";
    }
}
