try { new Function("let x = ;"); } catch (e) { console.log(e.name, e.message); }
try { JSON.parse("{bad"); } catch (e) { console.log(e.name); }
